// SPDX-License-Identifier: Apache-2.0
// The load client's side of TLS: what it offers, and the sessions that it may resume.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

namespace koi::bench {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslPointer = std::unique_ptr<SSL, FreeSsl>;
using SessionPointer = std::unique_ptr<SSL_SESSION, FreeSsl>;

// The most recent error of OpenSSL in this thread, for people.
std::string TlsError();

class ClientTls {
 public:
  // TLS 1.3, X25519 and AES-128-GCM alone, so that every proxy does the same work. Certificates are
  // taken as they come. Sessions are kept if `resume`.
  explicit ClientTls(bool resume);
  ClientTls(const ClientTls&) = delete;
  ClientTls& operator=(const ClientTls&) = delete;

  // For the connected or connecting socket `fd`, ready for SSL_do_handshake. With `resuming` it
  // offers a session, each one once; null when there is none.
  SslPointer Start(int fd, bool resuming);

  // What is wrong with a finished handshake; empty: nothing.
  static std::string Wrong(SSL* ssl, bool resuming);

 private:
  static int Keep(SSL* ssl, SSL_SESSION* session);

  std::unique_ptr<SSL_CTX, FreeSsl> context_;
  std::vector<SessionPointer> sessions_;
};

}  // namespace koi::bench
