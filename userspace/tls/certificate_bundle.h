// SPDX-License-Identifier: Apache-2.0
// The certificates of a service as bytes: what koi-manager gives to workers beside a message, and
// keeps for a manager after it. Both ends are always the same build.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tls/certificate.h"

namespace koi {

// A certificate in a bundle; all of it lies in the bundle's bytes.
struct BundledCertificate {
  KeyKind kind = KeyKind::kEcdsa;
  int64_t from_s = 0;
  int64_t until_s = 0;
  int64_t ocsp_until_s = 0;
  std::vector<absl::string_view> names = {};
  absl::string_view own = {};
  absl::InlinedVector<uint32_t, 3> issuers = {};  // the rest of its chain, in Bundle::issuers
  absl::string_view key = {};
  absl::string_view ocsp = {};
  absl::string_view about = {};  // what only a manager wants to know
};

struct Bundle {
  std::vector<absl::string_view> issuers = {};  // each once
  std::vector<BundledCertificate> certificates = {};
};

std::string EncodeBundle(const CertificateSet& certificates);
// DataLoss when `bytes`, which outlive it, are no whole bundle.
absl::StatusOr<Bundle> DecodeBundle(absl::string_view bytes);
// What EncodeBundle() was given.
absl::StatusOr<CertificateSet> CertificatesOf(absl::string_view bytes);

}  // namespace koi
