// SPDX-License-Identifier: Apache-2.0
// The client's side of TLS, towards backends: whom to trust, who koi says it is, and the session
// that makes the next handshake cheap.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tls/context.h"

using SSL = struct ssl_st;
using SSL_SESSION = struct ssl_session_st;

namespace koi {

struct ClientTlsSettings {
  bool verify = true;          // whether the server must prove that it is who it should be
  std::string ca_pem = {};     // the certificates that are trusted; with `verify`
  std::string chain_pem = {};  // koi's own certificate for servers that ask; "" for none
  std::string key_pem = {};
  bool tls12 = true;  // versions that are offered
  bool tls13 = true;

  bool operator==(const ClientTlsSettings&) const = default;
};

// Tells one ca_pem from another: SHA-256, in hexadecimal.
std::string TrustDigest(absl::string_view ca_pem);

// What all connections to one pool share. Ciphers and groups are OpenSSL's own choice.
class ClientTlsContext {
 public:
  // InvalidArgument, in words for the operator, when a text is no PEM, the key is another
  // certificate's, or nothing is trusted.
  static absl::StatusOr<ClientTlsContext> Create(const ClientTlsSettings& settings);

  bool verifies() const { return verifies_; }
  SSL_CTX* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  std::unique_ptr<SSL_CTX, Free> context_;
  bool verifies_ = true;
};

// The last session with one server under one name: TLS 1.3 sends it as a ticket after the
// handshake. It stands for a verified certificate, so it is never offered under another name.
class ClientSession {
 public:
  ClientSession() = default;
  ClientSession(const ClientSession&) = delete;

  // Takes over a reference.
  void Keep(absl::string_view name, SSL_SESSION* session);
  // Of a handshake under `name`; nullptr: none that can be used.
  SSL_SESSION* For(absl::string_view name) const;

 private:
  struct Free {
    void operator()(SSL_SESSION* session) const;
  };
  std::string name_;
  std::unique_ptr<SSL_SESSION, Free> session_;
};

// The server of one connection.
struct TlsServer {
  std::string server_name = {};  // sent as SNI; "": none is
  // What its certificate must be for: a DNS name or an address; with a context that verifies.
  std::string expected_name = {};
  TlsProtocol protocol = TlsProtocol::kAny;
  ClientSession* session = nullptr;  // offered, and replaced; must outlive the connection
};

// The name in `host`, of a request, that may be sent as SNI; "" of an address or what is no name.
std::string ServerNameOf(absl::string_view host);

// A client's SSL without a socket; Stream gives it one. `server` must outlive it.
SSL* NewClientSsl(const ClientTlsContext& context, const TlsServer& server);

}  // namespace koi
