// SPDX-License-Identifier: Apache-2.0
// Settings of l4 services.
#include "manager/l4/l4_settings.h"

#include <netinet/in.h>
#include <sys/random.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "manager/l4/pool_keeper.h"
#include "tls/seed.h"

namespace koi {
namespace {

constexpr uint32_t kIcmpPerSecond = 1000;
constexpr int kSpreadBits = 32;

// The password is what both hosts have in common and others do not know.
uint64_t RingSeed(const Config& config) {
  return SeedFrom(
      absl::StrCat("koi ring seed ", config.carp.empty() ? "" : config.carp.front().password));
}

bool IsLinkLocal(const Address& address) {
  const in6_addr ip6 = address.ip6();
  return !address.is_ip4() && IN6_IS_ADDR_LINKLOCAL(&ip6);
}

// The first of the family, one that is routed before one that is not; :: for none.
Address FirstOf(const std::vector<Address>& own, bool ip4) {
  Address found;
  for (const Address& address : own) {
    if (address.is_ip4() != ip4) continue;
    if (!IsLinkLocal(address)) return address;
    if (found == Address()) found = address;
  }
  return found;
}

TunnelSource SourceOf(const Config& config, bool ip4, const Address& own) {
  for (const Prefix& prefix : config.xdp.tunnel_sources) {
    if (prefix.address().is_ip4() != ip4) continue;
    const int bits = std::min(prefix.host_bits(), kSpreadBits);
    const uint32_t spread = bits == 0 ? 0 : UINT32_MAX >> (kSpreadBits - bits);
    return {.address = prefix.address(), .spread = spread};
  }
  return {.address = own, .spread = 0};
}

}  // namespace

bool HasL4(const Config& config) {
  return std::any_of(config.services.begin(), config.services.end(),
                     [](const ServiceConfig& service) { return service.is_l4(); });
}

void FillL4Settings(const Config& config, const std::vector<Address>& own, L4Settings& l4) {
  l4.ring_seed = RingSeed(config);
  while (l4.flow_keys[0] == 0) {
    const size_t bytes = sizeof(l4.flow_keys);
    KOI_CHECK(::getrandom(l4.flow_keys.data(), bytes, 0) == static_cast<ssize_t>(bytes));
  }
  const Address ip4 = FirstOf(own, true);
  const Address ip6 = FirstOf(own, false);
  if (ip4 != Address()) l4.own_ip4 = ip4;
  if (ip6 != Address()) l4.own_ip6 = ip6;
  l4.tunnel4 = SourceOf(config, true, l4.own_ip4);
  l4.tunnel6 = SourceOf(config, false, l4.own_ip6);
  l4.icmp_per_second = kIcmpPerSecond;
  l4.idle_tcp = config.xdp.idle_tcp;
  l4.idle_udp = config.xdp.idle_udp;
  l4.handshake = kL4Handshake;
  l4.full = kL4Full;
}

}  // namespace koi
