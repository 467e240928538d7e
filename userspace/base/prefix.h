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

  bool Contains(const Address& address) const;
  std::string ToString() const;  // always with its length

  const Address& address() const { return address_; }  // its first
  int host_bits() const { return 128 - bits_; }        // that differ within it

  auto operator<=>(const Prefix&) const = default;

 private:
  Prefix(const Address& address, int bits) : address_(address), bits_(bits) {}
  // The address with all bits beyond the length cleared.
  Address Network() const;

  Address address_;
  int bits_ = 0;  // of the 128 that an Address has
};

bool AnyContains(absl::Span<const Prefix> prefixes, const Address& address);

}  // namespace koi
