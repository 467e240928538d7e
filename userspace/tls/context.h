// SPDX-License-Identifier: Apache-2.0
// What all TLS connections to one service share: certificate, key and policy.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

using SSL_CTX = struct ssl_ctx_st;

namespace koi {

enum class TlsProtocol {
  kHttp1,  // offers "http/1.1" to clients that ask (ALPN)
  kAny,    // says nothing about what is spoken inside
};

// TLS 1.2 and 1.3 with the ciphers of Mozilla's intermediate profile that need no DH parameters, so
// every client of the last ten years gets forward secrecy and authenticated encryption.
class TlsContext {
 public:
  // Has OpenSSL read its own files and load what it loads only once. A process that will not be
  // able to open files calls it before.
  static void Prepare();

  // `chain_pem`: certificates, the service's own first; `key_pem`: its key, without a passphrase.
  // InvalidArgument, in words for the operator, when either is no PEM or they do not belong
  // together.
  static absl::StatusOr<TlsContext> Create(absl::string_view chain_pem, absl::string_view key_pem,
                                           TlsProtocol protocol);

  // A sentence when the certificate is not valid today, else "". Clients refuse it, but that is for
  // the operator to know: refusing to start would take the other services down too.
  const std::string& warning() const { return warning_; }

  SSL_CTX* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  std::unique_ptr<SSL_CTX, Free> context_;
  std::string warning_;
};

}  // namespace koi
