// SPDX-License-Identifier: Apache-2.0
// Certificates from files, checked as far as they can be without a client.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "tls/certificate.h"
#include "tls/key_decoder.h"

using SSL_CTX = struct ssl_ctx_st;

namespace koi {

// Reads a file.
using PemReader = std::function<absl::StatusOr<std::string>(const std::string& path)>;

// Keeps what many certificates have in common, so ten thousand take seconds: a decoder of keys, and
// the authorities' certificates. To be used by one thread at a time.
class CertificateReader {
 public:
  CertificateReader();
  ~CertificateReader();
  CertificateReader(const CertificateReader&) = delete;
  CertificateReader& operator=(const CertificateReader&) = delete;

  // Has the files (chain and key may be the same one) read by `read`. Errors name them:
  // InvalidArgument when there is no certificate or key in them, they do not belong together, or
  // OpenSSL would not use them. What clients may refuse is in Certificate::warnings. Where the
  // texts are those that `before` was made of, that is the answer; or the one that was made of them
  // here before, as long as somebody has it: services that share files share their certificates.
  absl::StatusOr<std::shared_ptr<const Certificate>> Load(
      const CertificateConfig& files, const PemReader& read,
      std::shared_ptr<const Certificate> before = nullptr);

 private:
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  struct Texts {
    std::string chain = {};
    std::string key = {};  // "": in `chain`
    std::string ocsp = {};
  };
  static absl::StatusOr<Texts> ReadTexts(const CertificateConfig& files, const PemReader& read);
  absl::Status Read(const Texts& texts, Certificate& out);
  absl::Status ReadOcsp(const Texts& texts, const std::vector<std::shared_ptr<X509>>& chain,
                        Certificate& out);
  absl::StatusOr<std::shared_ptr<X509>> Decode(const std::string& der, bool is_issuer);
  // One that somebody has, of these files and texts; else nullptr.
  std::shared_ptr<const Certificate> Known(const Certificate& wanted) const;
  void Remember(const std::shared_ptr<const Certificate>& certificate);

  static constexpr size_t kFewKnown = 64;
  KeyDecoder keys_;
  std::map<std::string, std::shared_ptr<X509>> issuers_;                      // by their DER
  absl::flat_hash_map<std::string, std::weak_ptr<const Certificate>> known_;  // by chain file
  size_t most_known_ = kFewKnown;         // where those that nobody has are forgotten
  std::unique_ptr<SSL_CTX, Free> judge_;  // refuses what a service's would
};

}  // namespace koi
