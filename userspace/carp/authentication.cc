// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA1 by OpenSSL over 02 01 VHID ADDRESSES COUNTER.
#include "carp/authentication.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"

namespace koi {
namespace {

constexpr size_t kMaxPasswordBytes = 20;

// The addresses that are hashed, in the order of the BSDs: IPv4 ascending, then IPv6 ascending,
// each once.
std::vector<Address> CoveredAddresses(CarpHash hash, std::vector<Address> vips) {
  const auto first_ip4 =
      std::find_if(vips.begin(), vips.end(), [](const Address& vip) { return vip.is_ip4(); });
  if (hash == CarpHash::kFirst && first_ip4 != vips.end()) return {*first_ip4};
  std::sort(vips.begin(), vips.end(), [](const Address& left, const Address& right) {
    return std::make_pair(!left.is_ip4(), left.bytes()) <
           std::make_pair(!right.is_ip4(), right.bytes());
  });
  vips.erase(std::unique(vips.begin(), vips.end()), vips.end());
  return vips;
}

bool IsLinkLocal(const Address& address) {
  return address.bytes()[0] == 0xfe && (address.bytes()[1] & 0xc0) == 0x80;
}

std::string Head(uint8_t vhid, const std::vector<Address>& addresses, bool with_link_local) {
  ByteWriter head;
  head.U8(
      2);  // version and type as constants: hashed so by every implementation, whatever byte 0 is
  head.U8(1);
  head.U8(vhid);
  for (const Address& address : addresses) {
    if (with_link_local || !IsLinkLocal(address)) head.Bytes(address.wire());
  }
  return head.Take();
}

AdvertDigest Hmac(absl::string_view password, absl::string_view head, uint64_t counter) {
  ByteWriter covered;
  covered.Bytes(head);
  covered.U64(counter);
  AdvertDigest digest;
  unsigned int bytes = 0;
  // Fails only when out of memory or where SHA-1 is forbidden; without it there is no CARP.
  KOI_CHECK(HMAC(EVP_sha1(), password.data(), static_cast<int>(password.size()),
                 reinterpret_cast<const unsigned char*>(covered.bytes().data()),
                 covered.bytes().size(), digest.data(), &bytes) != nullptr);
  KOI_CHECK(bytes == digest.size());
  return digest;
}

}  // namespace

absl::StatusOr<AdvertAuthenticator> AdvertAuthenticator::Create(absl::string_view password,
                                                                uint8_t vhid, CarpHash hash,
                                                                const std::vector<Address>& vips) {
  if (password.empty() || password.size() > kMaxPasswordBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a CARP password has 1 to ", kMaxPasswordBytes,
                                                   " bytes, not ", password.size()));
  }
  const std::vector<Address> covered = CoveredAddresses(hash, vips);
  return AdvertAuthenticator(password, Head(vhid, covered, true), Head(vhid, covered, false));
}

AdvertDigest AdvertAuthenticator::Sign(uint64_t counter) const {
  return Hmac(password_, signed_head_, counter);
}

bool AdvertAuthenticator::Verify(uint64_t counter, const AdvertDigest& digest) const {
  const auto matches = [&](absl::string_view head) {
    const AdvertDigest right = Hmac(password_, head, counter);
    return CRYPTO_memcmp(right.data(), digest.data(), right.size()) == 0;
  };
  return matches(signed_head_) || (accepted_head_ != signed_head_ && matches(accepted_head_));
}

}  // namespace koi
