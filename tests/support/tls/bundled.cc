// SPDX-License-Identifier: Apache-2.0
// Through the reader that the manager has.
#include "support/tls/bundled.h"

#include <utility>

#include "base/check.h"
#include "base/sealed_file.h"
#include "tls/certificate_bundle.h"
#include "tls/certificate_reader.h"

namespace koi {

std::shared_ptr<const Certificate> Loaded(const MadeCertificate& made) {
  const auto read = [&](const std::string& path) -> absl::StatusOr<std::string> {
    return path == "chain" ? made.chain_pem : made.key_pem;
  };
  auto loaded = CertificateReader().Load({.chain_file = "chain", .key_file = "key"}, read);
  if (loaded.ok()) return *std::move(loaded);
  Certificate mismatched;
  mismatched.chain = CertificatesDer(made.chain_pem).value();
  mismatched.key = PrivateKeyDer(made.key_pem).value();
  return std::make_shared<const Certificate>(std::move(mismatched));
}

MessageFile Bundled(const std::vector<MadeCertificate>& made) {
  CertificateSet set;
  for (const MadeCertificate& one : made) set.push_back(Loaded(one));
  Fd file = SealBytes("koi-test", EncodeBundle(set)).value();
  return {.digest = DigestOf(set), .file = std::make_shared<const Fd>(std::move(file))};
}

}  // namespace koi
