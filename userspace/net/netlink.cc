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

namespace koi {
namespace {

constexpr size_t kReceiveBytes = 64 * 1024;  // more than the kernel puts in one datagram
constexpr size_t kRequestBytes = 256;        // room for any single request below

// One request under construction.
class Request {
 public:
  Request(uint16_t type, uint16_t flags, uint32_t sequence) {
    header_ = mnl_nlmsg_put_header(bytes_.data());
    header_->nlmsg_type = type;
    header_->nlmsg_flags = NLM_F_REQUEST | flags;
    header_->nlmsg_seq = sequence;
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  template <typename T>
  T* Body() {
    return static_cast<T*>(mnl_nlmsg_put_extra_header(header_, sizeof(T)));
  }
  nlmsghdr* header() { return header_; }
  absl::string_view bytes() const { return {bytes_.data(), header_->nlmsg_len}; }

 private:
  alignas(nlmsghdr) std::array<char, kRequestBytes> bytes_ = {};
  nlmsghdr* header_;
};

absl::StatusOr<Fd> OpenSocket(uint32_t groups, int flags) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot create a netlink socket");
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot bind a netlink socket");
  }
  return fd;
}

absl::Status SendRequest(int fd, absl::string_view request) {
  ssize_t sent;
  do {
    sent = ::send(fd, request.data(), request.size(), 0);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return absl::ErrnoToStatus(errno, "cannot send a netlink request");
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> ReceiveInto(int fd, std::vector<char>& buffer) {
  ssize_t got;
  do {
    got = ::recv(fd, buffer.data(), buffer.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return absl::DeadlineExceededError("no netlink message yet");
  if (got < 0 && errno == ENOBUFS) return absl::DataLossError("netlink messages were dropped");
  if (got < 0) return absl::ErrnoToStatus(errno, "cannot receive a netlink message");
  return absl::string_view(buffer.data(), static_cast<size_t>(got));
}

// Calls `visit` with each message of a datagram.
template <typename Visit>
void ForEachMessage(absl::string_view datagram, const Visit& visit) {
  int rest = static_cast<int>(datagram.size());
  const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
  while (mnl_nlmsg_ok(message, rest)) {
    visit(message);
    message = mnl_nlmsg_next(message, &rest);
  }
}

// Calls `visit` with each attribute behind the message's fixed part of `offset` bytes.
template <typename Visit>
void ForEachAttribute(const nlmsghdr* message, size_t offset, Visit visit) {
  const auto call = [](const nlattr* attribute, void* data) -> int {
    (*static_cast<Visit*>(data))(attribute);
    return MNL_CB_OK;
  };
  mnl_attr_parse(message, static_cast<unsigned int>(offset), call, &visit);
}

template <typename Visit>
void ForEachNestedAttribute(const nlattr* outer, Visit visit) {
  const auto call = [](const nlattr* attribute, void* data) -> int {
    (*static_cast<Visit*>(data))(attribute);
    return MNL_CB_OK;
  };
  mnl_attr_parse_nested(outer, call, &visit);
}

int ErrorOf(const nlmsghdr* message) {
  return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
}

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
  KOI_RETURN_IF_ERROR(SendRequest(fd_.get(), request));
  std::vector<char> buffer(kReceiveBytes);
  std::optional<int> error;
  while (!error.has_value()) {
    KOI_ASSIGN_OR_RETURN(const absl::string_view datagram, ReceiveInto(fd_.get(), buffer));
    ForEachMessage(datagram, [&](const nlmsghdr* message) {
      if (message->nlmsg_seq != sequence_ || error.has_value()) return;
      if (message->nlmsg_type == NLMSG_DONE) {
        error = 0;
      } else if (message->nlmsg_type == NLMSG_ERROR) {
        error = ErrorOf(message);
      } else {
        on_reply({reinterpret_cast<const char*>(message), message->nlmsg_len});
      }
    });
  }
  return *error;
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
  const uint32_t first = sequence_ + 1;
  std::string batch;
  for (const AddressChange& change : changes) batch += EncodeChange(change, ++sequence_);
  if (batch.empty()) return absl::OkStatus();
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
