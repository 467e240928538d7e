// SPDX-License-Identifier: Apache-2.0
// IP addresses and endpoints. IPv4 is held IPv4-mapped (RFC 4291 2.5.5.2): one shape for both
// families.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace koi {

class Address {
 public:
  Address() = default;  // ::

  // "10.0.0.1" or "2001:db8::1"; InvalidArgument for anything else, zones and brackets included.
  static absl::StatusOr<Address> Parse(absl::string_view text);
  static Address FromIp4(const in_addr& ip4);
  static Address FromIp6(const in6_addr& ip6);
  // The 16 bytes of the IPv6 or IPv4-mapped form.
  static Address FromBytes(const std::array<uint8_t, 16>& bytes);
  // `bytes` on the wire: 4 or 16 of them; KOI_CHECKs the size.
  static Address FromWire(absl::string_view bytes);

  bool is_ip4() const;
  in_addr ip4() const;  // only when is_ip4()
  in6_addr ip6() const;
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  // As it travels: 4 bytes when is_ip4(), else 16.
  std::string wire() const;

  std::string ToString() const;  // "10.0.0.1", "2001:db8::1"

  auto operator<=>(const Address&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const Address& address) {
    return H::combine(std::move(state), address.bytes_);
  }

 private:
  std::array<uint8_t, 16> bytes_ = {};
};

struct Endpoint {
  Address address;
  uint16_t port = 0;

  // "10.0.0.1:80" or "[2001:db8::1]:80".
  static absl::StatusOr<Endpoint> Parse(absl::string_view text);
  // From what getsockname(2) and accept(2) give; InvalidArgument for another family.
  static absl::StatusOr<Endpoint> FromSockaddr(const sockaddr_storage& storage);

  // Fills `storage` with sockaddr_in or sockaddr_in6 and returns its size.
  socklen_t ToSockaddr(sockaddr_storage& storage) const;
  std::string ToString() const;

  auto operator<=>(const Endpoint&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const Endpoint& endpoint) {
    return H::combine(std::move(state), endpoint.address, endpoint.port);
  }
};

}  // namespace koi
