// SPDX-License-Identifier: Apache-2.0
// Networks as text, and what is inside them.
#include "base/prefix.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace koi {
namespace {

constexpr int kAddressBits = 128;

absl::Status NotAPrefix(absl::string_view text, absl::string_view hint) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", absl::Utf8SafeCEscape(text),
                   "\" is not ADDRESS/LENGTH, as 10.0.0.0/8 or 2001:db8::/32", hint));
}

}  // namespace

absl::StatusOr<Prefix> Prefix::Parse(absl::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const absl::StatusOr<Address> address = Address::Parse(text.substr(0, slash));
  if (!address.ok()) return NotAPrefix(text, "");
  const int before = address->is_ip4() ? kMappedBits : 0;
  int length = kAddressBits - before;
  if (slash < text.size()) {
    const absl::string_view digits = text.substr(slash + 1);
    const bool plain = !digits.empty() && digits.size() <= 3 &&
                       digits.find_first_not_of("0123456789") == digits.npos;
    if (!plain || !absl::SimpleAtoi(digits, &length) || length > kAddressBits - before) {
      return NotAPrefix(text, "");
    }
  }
  const Prefix prefix(*address, before + length);
  const Prefix right = Of(*address, length);
  if (prefix != right) {
    return NotAPrefix(text, absl::StrCat("; did you mean \"", right.ToString(), "\"?"));
  }
  return prefix;
}

Prefix Prefix::Of(const Address& address, int bits) {
  const Prefix prefix(address, address.is_ip4() ? kMappedBits + bits : bits);
  return Prefix(prefix.Network(), prefix.bits_);
}

Address Prefix::Network() const {
  std::array<uint8_t, 16> bytes = address_.bytes();
  for (int i = 0; i < 16; ++i) {
    const int kept = std::clamp(bits_ - 8 * i, 0, 8);
    bytes[static_cast<size_t>(i)] &= static_cast<uint8_t>(0xff00 >> kept);
  }
  return Address::FromBytes(bytes);
}

bool Prefix::Contains(const Address& address) const {
  const auto whole = static_cast<size_t>(bits_ / 8);
  const std::array<uint8_t, 16>& ours = address_.bytes();
  const std::array<uint8_t, 16>& theirs = address.bytes();
  if (std::memcmp(ours.data(), theirs.data(), whole) != 0) return false;
  if (bits_ % 8 == 0) return true;
  return ((ours[whole] ^ theirs[whole]) >> (8 - bits_ % 8)) == 0;
}

std::string Prefix::ToString() const { return absl::StrCat(address_.ToString(), "/", bits()); }

bool AnyContains(absl::Span<const Prefix> prefixes, const Address& address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Prefix& prefix) { return prefix.Contains(address); });
}

}  // namespace koi
