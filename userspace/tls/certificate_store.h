// SPDX-License-Identifier: Apache-2.0
// The certificates of a service where handshakes are made: found by name, and read when the first
// client wants one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tls/certificate_bundle.h"
#include "tls/key_decoder.h"
#include "tls/name_table.h"

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace koi {

// Ten thousand certificates cost a table of their names; their bytes stay where they are, shared by
// all workers. Certificates and keys that were read are kept up to a limit.
class CertificateStore {
 public:
  // Of a bundle (tls/certificate_bundle.h) in `bytes`, which stay there as long as `owner` does.
  // InvalidArgument when there is no certificate in it, DataLoss when it is none.
  static absl::StatusOr<std::unique_ptr<CertificateStore>> Open(absl::string_view bytes,
                                                                std::shared_ptr<const void> owner);

  // Gives `context` those for clients that ask for no name, or one that no certificate is for: the
  // first, and of other kinds of keys what else is for the first one's name.
  absl::Status UseDefault(SSL_CTX* context);
  // Whether there are others.
  bool has_others() const { return has_others_; }

  enum class Found { kNone, kDefault, kOther };
  // Gives `ssl`, which has the default, what is for `name`. False: it cannot be used.
  bool Use(SSL* ssl, absl::string_view name, Found& found);

  bool has_staples() const { return has_staples_; }
  // The OCSP response for `certificate`, which was given to an SSL; "" when there is none, or none
  // any more.
  absl::string_view StapleFor(const X509* certificate) const;

 private:
  struct Loaded;
  struct FreeLoaded {
    void operator()(Loaded* loaded) const;
  };
  CertificateStore(Bundle bundle, std::shared_ptr<const void> owner);
  absl::StatusOr<const Loaded*> Load(uint32_t number);
  absl::StatusOr<X509*> Issuer(uint32_t number);
  // Forgets what was read, but for the default.
  void Shrink();

  std::shared_ptr<const void> owner_;
  Bundle bundle_;
  NameTable names_;
  CertificateChoice default_;
  bool has_others_ = false;
  bool has_staples_ = false;
  std::unique_ptr<KeyDecoder> keys_;
  std::vector<std::unique_ptr<X509, FreeCertificate>> issuers_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<Loaded, FreeLoaded>> loaded_;
  absl::flat_hash_map<const X509*, uint32_t> numbers_;
};

}  // namespace koi
