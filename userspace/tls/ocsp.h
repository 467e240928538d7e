// SPDX-License-Identifier: Apache-2.0
// An authority's word that it has not revoked a certificate, to be stapled to handshakes.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

using X509 = struct x509_st;

namespace koi {

struct OcspFacts {
  int64_t until_s = 0;       // since 1970; the response must not be given to clients any more
  std::string warning = {};  // a sentence when that is over, or the certificate is revoked; or ""
};

// InvalidArgument when `der` is no response, not for `certificate`, or not signed by or for
// `issuer` (nullptr: not known).
absl::StatusOr<OcspFacts> CheckOcspResponse(absl::string_view der, X509* certificate, X509* issuer);

}  // namespace koi
