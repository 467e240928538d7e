// SPDX-License-Identifier: Apache-2.0
// Reading addresses whole each time: the kernel's messages only say that something changed.
#include "decap/host_addresses.h"

#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace koi {

absl::StatusOr<HostAddresses> HostAddresses::Watch() {
  Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl groups = {};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (!netlink.valid() ||
      ::bind(netlink.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof(groups)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot watch the addresses of this host");
  }
  return HostAddresses(std::move(netlink));
}

absl::StatusOr<std::vector<Address>> HostAddresses::Read() const {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) {
    return absl::ErrnoToStatus(errno, "cannot read the addresses of this host");
  }
  std::vector<Address> addresses;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    if (each->ifa_addr->sa_family == AF_INET) {
      const in_addr ip4 = reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr;
      if (ip4.s_addr != htonl(INADDR_LOOPBACK)) addresses.push_back(Address::FromIp4(ip4));
    }
    if (each->ifa_addr->sa_family == AF_INET6) {
      const in6_addr ip6 = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr;
      if (IN6_IS_ADDR_LOOPBACK(&ip6) == 0) addresses.push_back(Address::FromIp6(ip6));
    }
  }
  ::freeifaddrs(list);
  return addresses;
}

// Lost ones (ENOBUFS) count as read: whoever asks reads everything.
void HostAddresses::ForgetChanges() {
  std::array<char, 8192> message;
  while (::recv(netlink_.get(), message.data(), message.size(), 0) >= 0 || errno == ENOBUFS) {
  }
}

}  // namespace koi
