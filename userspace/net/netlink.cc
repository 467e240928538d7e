// SPDX-License-Identifier: Apache-2.0
// rtnetlink(7): libmnl builds and takes apart the messages, the sockets are ours.
#include "net/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/status_macros.h"
#include "net/netlink_message.h"

namespace koi {
namespace {

using netlink::ErrorOf;
using netlink::ForEachAttribute;
using netlink::ForEachMessage;
using netlink::ForEachNestedAttribute;
using netlink::kReceiveBytes;
using netlink::OpenSocket;
using netlink::ReceiveInto;
using netlink::Request;
using netlink::SendRequest;

// The answers to so many fit the socket's buffer; one that does not fit is lost.
constexpr size_t kChangesAtOnce = 64;

std::string XdpMode(const nlattr* xdp) {
  std::string mode;
  ForEachNestedAttribute(xdp, [&](const nlattr* part) {
    if (mnl_attr_get_type(part) != IFLA_XDP_ATTACHED) return;
    switch (mnl_attr_get_u8(part)) {
      case XDP_ATTACHED_DRV: mode = "native"; break;
      case XDP_ATTACHED_SKB: mode = "generic"; break;
      case XDP_ATTACHED_HW: mode = "offloaded"; break;
      default: break;
    }
  });
  return mode;
}

// nullopt when `message` is too short or about one port of a bridge (another address family).
std::optional<Interface> ReadInterface(const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(ifinfomsg)) return std::nullopt;
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  if (info->ifi_family != AF_UNSPEC) return std::nullopt;
  Interface interface;
  interface.index = info->ifi_index;
  interface.up = (info->ifi_flags & IFF_UP) != 0;
  interface.carrier = interface.up && (info->ifi_flags & IFF_RUNNING) != 0;
  ForEachAttribute(message, sizeof(ifinfomsg), [&](const nlattr* attribute) {
    const uint16_t bytes = mnl_attr_get_payload_len(attribute);
    switch (mnl_attr_get_type(attribute)) {
      case IFLA_IFNAME: interface.name = mnl_attr_get_str(attribute); break;
      case IFLA_ADDRESS:
        if (bytes == interface.mac.size()) {
          std::memcpy(interface.mac.data(), mnl_attr_get_payload(attribute), bytes);
        }
        break;
      case IFLA_CARRIER_CHANGES: interface.carrier_changes = mnl_attr_get_u32(attribute); break;
      case IFLA_XDP: interface.xdp_mode = XdpMode(attribute); break;
      default: break;
    }
  });
  return interface;
}

std::optional<InterfaceAddress> ReadAddress(const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(ifaddrmsg)) return std::nullopt;
  const auto* info = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  const size_t wanted_bytes = info->ifa_family == AF_INET ? 4 : 16;
  if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6) return std::nullopt;
  // On point-to-point links IFA_ADDRESS is the peer and IFA_LOCAL ours; elsewhere they are equal or
  // IFA_LOCAL is absent (IPv6).
  const nlattr* own = nullptr;
  AddressLifetime lifetime;
  ForEachAttribute(message, sizeof(ifaddrmsg), [&](const nlattr* attribute) {
    const int type = mnl_attr_get_type(attribute);
    if (type == IFA_CACHEINFO && mnl_attr_get_payload_len(attribute) >= sizeof(ifa_cacheinfo)) {
      const auto* times = static_cast<const ifa_cacheinfo*>(mnl_attr_get_payload(attribute));
      lifetime = {.valid = times->ifa_valid, .preferred = times->ifa_prefered};
    }
    if (mnl_attr_get_payload_len(attribute) != wanted_bytes) return;
    if (type == IFA_LOCAL || (type == IFA_ADDRESS && own == nullptr)) own = attribute;
  });
  if (own == nullptr) return std::nullopt;
  return InterfaceAddress{
      .interface_index = static_cast<int>(info->ifa_index),
      .address =
          Address::FromWire({static_cast<const char*>(mnl_attr_get_payload(own)), wanted_bytes}),
      .prefix_bits = info->ifa_prefixlen,
      .lifetime = lifetime,
      .removed = message->nlmsg_type == RTM_DELADDR,
  };
}

std::string EncodeChange(const AddressChange& change, uint32_t sequence) {
  const bool replace = change.kind == AddressChange::Kind::kReplace;
  Request request(replace ? RTM_NEWADDR : RTM_DELADDR,
                  NLM_F_ACK | (replace ? NLM_F_CREATE | NLM_F_REPLACE : 0), sequence);
  auto* body = request.Body<ifaddrmsg>();
  body->ifa_family = change.address.is_ip4() ? AF_INET : AF_INET6;
  body->ifa_prefixlen = change.prefix_bits;
  body->ifa_index = static_cast<uint32_t>(change.interface_index);
  const std::string address = change.address.wire();
  mnl_attr_put(request.header(), IFA_LOCAL, address.size(), address.data());
  mnl_attr_put(request.header(), IFA_ADDRESS, address.size(), address.data());
  if (replace) {
    mnl_attr_put_u32(request.header(), IFA_FLAGS,
                     (change.detect_duplicates ? 0 : IFA_F_NODAD) |
                         (change.prefix_route ? 0 : IFA_F_NOPREFIXROUTE));
    ifa_cacheinfo lifetime = {};
    lifetime.ifa_valid = change.lifetime.valid;
    lifetime.ifa_prefered = change.lifetime.preferred;
    mnl_attr_put(request.header(), IFA_CACHEINFO, sizeof(lifetime), &lifetime);
  }
  return std::string(request.bytes());
}

absl::Status ChangeFailure(const AddressChange& change, int error) {
  const bool remove = change.kind == AddressChange::Kind::kRemove;
  if (remove && (error == EADDRNOTAVAIL || error == ENODEV)) return absl::OkStatus();
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", remove ? "remove" : "set", " address ",
                                                 change.address.ToString()));
}

}  // namespace

absl::StatusOr<Netlink> Netlink::Open() {
  KOI_ASSIGN_OR_RETURN(Fd fd, OpenSocket(0, 0));
  return Netlink(std::move(fd));
}

absl::StatusOr<int> Netlink::Ask(absl::string_view request, const Reply& on_reply) {
  return netlink::Ask(fd_.get(), request, sequence_, on_reply);
}

absl::StatusOr<Interface> Netlink::FindInterface(const std::string& name) {
  const std::string absent = absl::StrCat("interface \"", name, "\" does not exist");
  if (name.empty() || name.size() >= IFNAMSIZ) return absl::NotFoundError(absent);
  Request request(RTM_GETLINK, NLM_F_ACK, ++sequence_);
  request.Body<ifinfomsg>();
  mnl_attr_put_strz(request.header(), IFLA_IFNAME, name.c_str());
  std::optional<Interface> found;
  KOI_ASSIGN_OR_RETURN(const int error, Ask(request.bytes(), [&](absl::string_view message) {
                         found = ReadInterface(reinterpret_cast<const nlmsghdr*>(message.data()));
                       }));
  if (error != 0 && error != ENODEV) {
    return absl::ErrnoToStatus(error, absl::StrCat("cannot ask for interface \"", name, "\""));
  }
  if (!found.has_value()) return absl::NotFoundError(absent);
  return *std::move(found);
}

absl::StatusOr<std::vector<InterfaceAddress>> Netlink::Addresses(int interface_index) {
  KOI_ASSIGN_OR_RETURN(std::vector<InterfaceAddress> addresses, AllAddresses());
  std::erase_if(addresses, [interface_index](const InterfaceAddress& address) {
    return address.interface_index != interface_index;
  });
  return addresses;
}

absl::StatusOr<std::vector<InterfaceAddress>> Netlink::AllAddresses() {
  Request request(RTM_GETADDR, NLM_F_DUMP, ++sequence_);
  request.Body<ifaddrmsg>();
  std::vector<InterfaceAddress> addresses;
  KOI_ASSIGN_OR_RETURN(const int error, Ask(request.bytes(), [&](absl::string_view message) {
                         const auto address =
                             ReadAddress(reinterpret_cast<const nlmsghdr*>(message.data()));
                         if (address.has_value()) addresses.push_back(*address);
                       }));
  if (error != 0) return absl::ErrnoToStatus(error, "cannot list addresses");
  return addresses;
}

absl::Status Netlink::Apply(const std::vector<AddressChange>& changes) {
  absl::Status outcome;
  for (size_t done = 0; done < changes.size(); done += kChangesAtOnce) {
    outcome.Update(ApplyFew(absl::MakeSpan(changes).subspan(done, kChangesAtOnce)));
  }
  return outcome;
}

absl::Status Netlink::ApplyFew(absl::Span<const AddressChange> changes) {
  const uint32_t first = sequence_ + 1;
  std::string batch;
  for (const AddressChange& change : changes) batch += EncodeChange(change, ++sequence_);
  KOI_RETURN_IF_ERROR(SendRequest(fd_.get(), batch));

  // The kernel has carried out the batch when send(2) returns: its answers are there.
  std::vector<char> buffer(kReceiveBytes);
  absl::Status outcome;
  for (size_t answered = 0; answered < changes.size();) {
    KOI_ASSIGN_OR_RETURN(const absl::string_view datagram, ReceiveInto(fd_.get(), buffer));
    ForEachMessage(datagram, [&](const nlmsghdr* message) {
      const size_t number = message->nlmsg_seq - first;  // an older answer wraps to a great number
      if (message->nlmsg_type != NLMSG_ERROR || number >= changes.size()) return;
      ++answered;
      const int error = ErrorOf(message);
      if (error != 0) outcome.Update(ChangeFailure(changes[number], error));
    });
  }
  return outcome;
}

absl::StatusOr<std::unique_ptr<NetlinkMonitor>> NetlinkMonitor::Open(EventLoop& loop,
                                                                     Callback on_event) {
  KOI_ASSIGN_OR_RETURN(
      Fd fd, OpenSocket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, SOCK_NONBLOCK));
  std::unique_ptr<NetlinkMonitor> monitor(new NetlinkMonitor(std::move(fd), std::move(on_event)));
  KOI_ASSIGN_OR_RETURN(
      monitor->watch_,
      loop.Add(monitor->fd_.get(), EPOLLIN, [raw = monitor.get()](uint32_t) { raw->Receive(); }));
  return monitor;
}

void NetlinkMonitor::Receive() {
  constexpr int kDatagramsPerTurn = 64;
  std::vector<char> buffer(kReceiveBytes);
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    const auto datagram = ReceiveInto(fd_.get(), buffer);
    if (absl::IsDeadlineExceeded(datagram.status())) return;
    if (!datagram.ok()) {
      on_event_(EventsLost{});
      continue;
    }
    ForEachMessage(*datagram, [&](const nlmsghdr* message) {
      switch (message->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
          if (const auto interface = ReadInterface(message); interface.has_value()) {
            on_event_(LinkEvent{*interface, message->nlmsg_type == RTM_DELLINK});
          }
          break;
        case RTM_NEWADDR:
        case RTM_DELADDR:
          if (const auto address = ReadAddress(message); address.has_value()) on_event_(*address);
          break;
        default: break;
      }
    });
  }
}

}  // namespace koi
