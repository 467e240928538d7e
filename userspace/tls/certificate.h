// SPDX-License-Identifier: Apache-2.0
// A certificate that has been read and checked, with all that belongs to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "tls/certificates.h"

namespace koi {

// Kinds of keys: a client may be able to use only some of them.
enum class KeyKind : uint8_t { kEcdsa, kRsa, kRsaPss, kEd25519, kEd448 };
constexpr size_t kKeyKinds = 5;

struct Certificate {
  CertificateConfig files = {};
  CertificateFacts facts = {};
  KeyKind kind = KeyKind::kEcdsa;
  std::vector<std::string> names = {};     // that clients may ask for: DNS names in lower case
  std::vector<std::string> chain = {};     // DER, its own first
  std::string key = {};                    // DER
  std::string ocsp = {};                   // DER; "" for none
  int64_t ocsp_until_s = 0;                // since 1970
  std::string digest = {};                 // SHA-256 of all that workers get of it
  std::string texts_digest = {};           // of the texts that it was made of
  std::vector<std::string> warnings = {};  // sentences for the operator
};

// Those of a service, in its order: the first is for clients that no other is for.
using CertificateSet = std::vector<std::shared_ptr<const Certificate>>;

// SHA-256 over the digests, in hexadecimal: sets of the same certificates in the same order have
// the same.
std::string DigestOf(const CertificateSet& certificates);

}  // namespace koi
