// SPDX-License-Identifier: Apache-2.0
// Any bytes as a bundle of certificates: what is read lies in them, and is the same after it was
// written again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "tls/certificate_bundle.h"

namespace koi {
namespace {

void CheckInside(absl::string_view part, absl::string_view whole) {
  KOI_CHECK(part.empty() || (part.data() >= whole.data() &&
                             part.data() + part.size() <= whole.data() + whole.size()));
}

}  // namespace
}  // namespace koi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace koi;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Bundle> bundle = DecodeBundle(bytes);
  const absl::StatusOr<CertificateSet> certificates = CertificatesOf(bytes);
  KOI_CHECK(bundle.ok() == certificates.ok());
  if (!bundle.ok()) return 0;
  KOI_CHECK(bundle->certificates.size() == certificates->size());
  for (const BundledCertificate& one : bundle->certificates) {
    for (const absl::string_view part : {one.own, one.key, one.ocsp, one.about}) {
      CheckInside(part, bytes);
    }
    for (const absl::string_view name : one.names) CheckInside(name, bytes);
    for (const uint32_t issuer : one.issuers) CheckInside(bundle->issuers.at(issuer), bytes);
  }
  const std::string written = EncodeBundle(*certificates);
  const absl::StatusOr<CertificateSet> again = CertificatesOf(written);
  KOI_CHECK(again.ok() && EncodeBundle(*again) == written);
  return 0;
}
