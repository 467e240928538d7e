// SPDX-License-Identifier: Apache-2.0
// What all TLS connections to one service share: certificates, keys and policy.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/time.h"
#include "config/tls_options.h"

using SSL_CTX = struct ssl_ctx_st;

namespace koi {

class CertificateStore;
class TicketTable;

enum class TlsProtocol {
  kHttp1,  // offers "http/1.1" to clients that ask (ALPN)
  kAny,    // says nothing about what is spoken inside
};

struct TlsSettings {
  std::string service = {};  // a ticket of one service is of no use at another
  TlsOptions options = {};
  std::string client_ca_pem = {};  // with options.client_certificates
  Duration ticket_lifetime = std::chrono::hours(1);
  // Many clients leave without close_notify. Where what is spoken inside does not know its own end,
  // their last bytes must arrive all the same.
  bool ignore_truncation = false;
};

class TlsContext {
 public:
  // Has OpenSSL read its own files and load what it loads only once. A process that will not be
  // able to open files calls it before.
  static void Prepare();

  // InvalidArgument, in words for the operator, when OpenSSL will not have what it is given.
  static absl::StatusOr<TlsContext> Create(const TlsSettings& settings,
                                           std::unique_ptr<CertificateStore> certificates,
                                           std::shared_ptr<TicketTable> tickets);
  // With one certificate, defaults, and tickets that nobody else takes. `chain_pem`: certificates,
  // the service's own first; `key_pem`: its key, without a passphrase.
  static absl::StatusOr<TlsContext> Create(absl::string_view chain_pem, absl::string_view key_pem,
                                           TlsProtocol protocol);

  SSL_CTX* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  std::unique_ptr<SSL_CTX, Free> context_;
};

}  // namespace koi
