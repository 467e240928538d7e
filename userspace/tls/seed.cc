// SPDX-License-Identifier: Apache-2.0
// SHA-256 of a secret, of which a few bytes are used.
#include "tls/seed.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>

#include "base/check.h"

namespace koi {

uint64_t SeedFrom(absl::string_view secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
  unsigned int bytes = 0;
  KOI_CHECK(
      EVP_Digest(secret.data(), secret.size(), digest.data(), &bytes, EVP_sha256(), nullptr) == 1);
  uint64_t seed = 0;
  std::memcpy(&seed, digest.data(), sizeof(seed));
  return seed;
}

}  // namespace koi
