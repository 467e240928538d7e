// SPDX-License-Identifier: Apache-2.0
// RTM_GETROUTE, RTM_GETNEIGH and their events.
#include "net/routes.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "net/netlink_message.h"

namespace koi {
namespace {

using netlink::ForEachAttribute;
using netlink::Request;

// Who made a neighbour's entry: a number that nobody has registered.
constexpr uint8_t kNeighbourProtocol = 0x6b;
constexpr uint16_t kUsableStates =
    NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;

unsigned char FamilyOf(const Address& address) { return address.is_ip4() ? AF_INET : AF_INET6; }

void PutAddress(nlmsghdr* header, uint16_t type, const Address& address) {
  const std::string wire = address.wire();
  mnl_attr_put(header, type, wire.size(), wire.data());
}

std::optional<Address> AddressIn(const void* bytes, size_t count) {
  if (count != 4 && count != 16) return std::nullopt;
  return Address::FromWire({static_cast<const char*>(bytes), count});
}

std::optional<Address> AddressIn(const nlattr* attribute) {
  return AddressIn(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
}

uint32_t RouteMtu(const nlattr* metrics) {
  uint32_t mtu = 0;
  netlink::ForEachNestedAttribute(metrics, [&mtu](const nlattr* metric) {
    if (mnl_attr_get_type(metric) == RTAX_MTU) mtu = mnl_attr_get_u32(metric);
  });
  return mtu;
}

Route ReadRoute(const nlmsghdr* message, const Address& address) {
  Route route{.next_hop = address};
  if (mnl_nlmsg_get_payload_len(message) < sizeof(rtmsg)) return route;
  const auto* body = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
  route.local = body->rtm_type == RTN_LOCAL;
  if (!route.local && body->rtm_type != RTN_UNICAST) return route;
  ForEachAttribute(message, sizeof(rtmsg), [&route](const nlattr* attribute) {
    const size_t bytes = mnl_attr_get_payload_len(attribute);
    switch (mnl_attr_get_type(attribute)) {
      case RTA_OIF: route.interface = mnl_attr_get_u32(attribute); break;
      case RTA_GATEWAY: route.next_hop = AddressIn(attribute).value_or(route.next_hop); break;
      case RTA_VIA:  // a router of the other family
        if (bytes > sizeof(rtvia)) {
          const auto* via = static_cast<const rtvia*>(mnl_attr_get_payload(attribute));
          route.next_hop =
              AddressIn(via->rtvia_addr, bytes - sizeof(rtvia)).value_or(route.next_hop);
        }
        break;
      case RTA_METRICS: route.mtu = RouteMtu(attribute); break;
      default: break;
    }
  });
  return route;
}

std::optional<std::pair<NeighbourKey, Neighbour>> ReadNeighbour(const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(ndmsg)) return std::nullopt;
  const auto* body = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
  if (body->ndm_family != AF_INET && body->ndm_family != AF_INET6) return std::nullopt;
  std::optional<Address> address;
  Neighbour neighbour;
  neighbour.fixed = (body->ndm_state & (NUD_PERMANENT | NUD_NOARP)) != 0;
  const bool usable = message->nlmsg_type != RTM_DELNEIGH && (body->ndm_state & kUsableStates) != 0;
  ForEachAttribute(message, sizeof(ndmsg), [&](const nlattr* attribute) {
    MacAddress mac = {};
    switch (mnl_attr_get_type(attribute)) {
      case NDA_DST: address = AddressIn(attribute); break;
      case NDA_PROTOCOL: neighbour.kept = mnl_attr_get_u8(attribute) == kNeighbourProtocol; break;
      case NDA_LLADDR:
        if (!usable || mnl_attr_get_payload_len(attribute) != mac.size()) break;
        std::memcpy(mac.data(), mnl_attr_get_payload(attribute), mac.size());
        if (mac != MacAddress{}) neighbour.mac = mac;
        break;
      default: break;
    }
  });
  if (!address.has_value()) return std::nullopt;
  return std::pair(NeighbourKey(static_cast<uint32_t>(body->ndm_ifindex), *address), neighbour);
}

const nlmsghdr* MessageIn(absl::string_view bytes) {
  return reinterpret_cast<const nlmsghdr*>(bytes.data());
}

}  // namespace

absl::StatusOr<Routes> Routes::Open() {
  KOI_ASSIGN_OR_RETURN(Fd fd, netlink::OpenSocket(0, 0));
  return Routes(std::move(fd));
}

absl::StatusOr<Route> Routes::Find(const Address& address) {
  Request request(RTM_GETROUTE, NLM_F_ACK, ++sequence_);
  auto* body = request.Body<rtmsg>();
  body->rtm_family = FamilyOf(address);
  body->rtm_dst_len = static_cast<unsigned char>(8 * address.wire().size());
  PutAddress(request.header(), RTA_DST, address);
  Route route;
  KOI_ASSIGN_OR_RETURN(
      const int error,
      netlink::Ask(fd_.get(), request.bytes(), sequence_, [&](absl::string_view message) {
        route = ReadRoute(MessageIn(message), address);
      }));
  if (error == 0 && route.interface != 0) return route;
  return absl::NotFoundError(absl::StrCat("there is no route to ", address.ToString()));
}

absl::StatusOr<std::map<uint32_t, Link>> Routes::Links() {
  Request request(RTM_GETLINK, NLM_F_DUMP, ++sequence_);
  request.Body<ifinfomsg>();
  std::map<uint32_t, Link> links;
  const auto read = [&links](absl::string_view bytes) {
    const nlmsghdr* message = MessageIn(bytes);
    if (mnl_nlmsg_get_payload_len(message) < sizeof(ifinfomsg)) return;
    const auto* body = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
    Link& link = links[static_cast<uint32_t>(body->ifi_index)];
    link.up = (body->ifi_flags & IFF_UP) != 0;
    ForEachAttribute(message, sizeof(ifinfomsg), [&link](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == IFLA_MTU) link.mtu = mnl_attr_get_u32(attribute);
      if (mnl_attr_get_type(attribute) == IFLA_ADDRESS &&
          mnl_attr_get_payload_len(attribute) == link.mac.size()) {
        std::memcpy(link.mac.data(), mnl_attr_get_payload(attribute), link.mac.size());
      }
    });
  };
  KOI_ASSIGN_OR_RETURN(const int error, netlink::Ask(fd_.get(), request.bytes(), sequence_, read));
  if (error != 0) return absl::ErrnoToStatus(error, "cannot list interfaces");
  return links;
}

absl::StatusOr<std::map<NeighbourKey, Neighbour>> Routes::Neighbours() {
  Request request(RTM_GETNEIGH, NLM_F_DUMP, ++sequence_);
  request.Body<ndmsg>();
  std::map<NeighbourKey, Neighbour> neighbours;
  KOI_ASSIGN_OR_RETURN(
      const int error,
      netlink::Ask(fd_.get(), request.bytes(), sequence_, [&neighbours](absl::string_view message) {
        const auto read = ReadNeighbour(MessageIn(message));
        if (read.has_value()) neighbours[read->first] = read->second;
      }));
  if (error != 0) return absl::ErrnoToStatus(error, "cannot list neighbours");
  return neighbours;
}

absl::StatusOr<int> Routes::Change(uint16_t type, uint16_t flags, const NeighbourKey& key,
                                   bool keep) {
  Request request(type, NLM_F_ACK | flags, ++sequence_);
  auto* body = request.Body<ndmsg>();
  body->ndm_family = FamilyOf(key.second);
  body->ndm_ifindex = static_cast<int>(key.first);
  body->ndm_state = NUD_NONE;
  if (keep) body->ndm_flags = NTF_USE | NTF_EXT_LEARNED;
  PutAddress(request.header(), NDA_DST, key.second);
  if (keep) {
    mnl_attr_put_u32(request.header(), NDA_FLAGS_EXT, NTF_EXT_MANAGED);
    mnl_attr_put_u8(request.header(), NDA_PROTOCOL, kNeighbourProtocol);
  }
  return netlink::Ask(fd_.get(), request.bytes(), sequence_, [](absl::string_view) {});
}

absl::Status Routes::KeepNeighbour(const NeighbourKey& key) {
  KOI_ASSIGN_OR_RETURN(const int error,
                       Change(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, key, true));
  if (error == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error,
                             absl::StrCat("cannot ask for the MAC of ", key.second.ToString()));
}

absl::Status Routes::ReleaseNeighbour(const NeighbourKey& key) {
  KOI_ASSIGN_OR_RETURN(const int error, Change(RTM_DELNEIGH, 0, key, false));
  if (error == 0 || error == ENOENT || error == ENODEV) return absl::OkStatus();
  return absl::ErrnoToStatus(error,
                             absl::StrCat("cannot forget the MAC of ", key.second.ToString()));
}

absl::StatusOr<std::unique_ptr<RoutesMonitor>> RoutesMonitor::Open(EventLoop& loop,
                                                                   Callbacks callbacks) {
  KOI_ASSIGN_OR_RETURN(
      Fd fd, netlink::OpenSocket(RTMGRP_NEIGH | RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
                                 SOCK_NONBLOCK));
  std::unique_ptr<RoutesMonitor> monitor(new RoutesMonitor(std::move(fd), std::move(callbacks)));
  KOI_ASSIGN_OR_RETURN(
      monitor->watch_,
      loop.Add(monitor->fd_.get(), EPOLLIN, [raw = monitor.get()](uint32_t) { raw->Receive(); }));
  return monitor;
}

void RoutesMonitor::Receive() {
  constexpr int kDatagramsPerTurn = 64;
  std::vector<char> buffer(netlink::kReceiveBytes);
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    const auto datagram = netlink::ReceiveInto(fd_.get(), buffer);
    if (absl::IsDeadlineExceeded(datagram.status())) return;
    if (!datagram.ok()) {
      callbacks_.on_routes();
      continue;
    }
    netlink::ForEachMessage(*datagram, [this](const nlmsghdr* message) {
      if (message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH) {
        return callbacks_.on_routes();
      }
      const auto read = ReadNeighbour(message);
      if (read.has_value()) callbacks_.on_neighbour(read->first, read->second);
    });
  }
}

}  // namespace koi
