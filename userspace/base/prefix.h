// SPDX-License-Identifier: Apache-2.0
// A network of addresses, of either family.
#pragma once

#include <compare>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/address.h"

namespace koi {

class Prefix {
 public:
  Prefix() = default;  // ::/0, which is IPv4 too

  // "10.0.0.0/8", "2001:db8::/32", or an address alone. InvalidArgument for anything else and
  // where bits beyond the length are set.
  static absl::StatusOr<Prefix> Parse(absl::string_view text);

  const Address& address() const { return address_; }  // its first
  bool is_ip4() const { return address_.is_ip4() && bits_ >= kMappedBits; }
  int bits() const { return is_ip4() ? bits_ - kMappedBits : bits_; }  // of its family's 32 or 128
  int host_bits() const { return 128 - bits_; }                        // that differ within it

  bool Contains(const Address& address) const;
  std::string ToString() const;  // always with its length

  // The prefix of `address` that has the first `bits` bits of its family; bits beyond are cleared.
  static Prefix Of(const Address& address, int bits);

  auto operator<=>(const Prefix&) const = default;

 private:
  Prefix(const Address& address, int bits) : address_(address), bits_(bits) {}
  // The address with all bits beyond the length cleared.
  Address Network() const;

  static constexpr int kMappedBits = 96;  // before those of an IPv4 address

  Address address_;
  int bits_ = 0;  // of the 128 that an Address has
};

bool AnyContains(absl::Span<const Prefix> prefixes, const Address& address);

}  // namespace koi
