// SPDX-License-Identifier: Apache-2.0
// packet(7).
#include "net/packet_socket.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/status_macros.h"

namespace koi {
namespace {

absl::Status Filter(int fd, const std::vector<sock_filter>& filter) {
  sock_fprog program = {static_cast<unsigned short>(filter.size()),
                        const_cast<sock_filter*>(filter.data())};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot filter a packet socket");
  }
  return absl::OkStatus();
}

absl::Status Join(int fd, int interface_index, const MacAddress& group) {
  packet_mreq membership = {};
  membership.mr_ifindex = interface_index;
  membership.mr_type = PACKET_MR_MULTICAST;
  membership.mr_alen = static_cast<unsigned short>(group.size());
  std::memcpy(membership.mr_address, group.data(), group.size());
  if (::setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof(membership)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot join an Ethernet group");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PacketSocket> PacketSocket::Open(const Options& options) {
  // Protocol 0 receives nothing, so that no frame arrives before the filter is there.
  Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot create a packet socket");
  const int on = 1;
  if (::setsockopt(fd.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a packet socket ignore what this host sends");
  }
  if (!options.filter.empty()) KOI_RETURN_IF_ERROR(Filter(fd.get(), options.filter));
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(options.ether_type);
  address.sll_ifindex = options.interface_index;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot bind a packet socket to its interface");
  }
  for (const MacAddress& group : options.groups) {
    KOI_RETURN_IF_ERROR(Join(fd.get(), options.interface_index, group));
  }
  return PacketSocket(std::move(fd), options.interface_index);
}

absl::Status PacketSocket::Send(absl::string_view frame) const {
  if (frame.size() < ETH_HLEN) return absl::InvalidArgumentError("not a whole Ethernet header");
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = interface_index_;
  // The frame's own type: bridges and classifiers go by what the socket says.
  std::memcpy(&address.sll_protocol, frame.data() + 12, sizeof(address.sll_protocol));
  ssize_t sent;
  do {
    sent = ::sendto(fd_.get(), frame.data(), frame.size(), 0,
                    reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return absl::OkStatus();
  constexpr char kWhat[] = "cannot send a frame";
  switch (errno) {
    case ENETDOWN: return absl::UnavailableError(absl::StrCat(kWhat, ": the interface is down"));
    case ENXIO:
    case ENODEV: return absl::NotFoundError(absl::StrCat(kWhat, ": the interface is gone"));
    case EAGAIN:
    case ENOBUFS:
      return absl::ResourceExhaustedError(absl::StrCat(kWhat, ": the interface's queue is full"));
    default: return absl::ErrnoToStatus(errno, kWhat);
  }
}

absl::StatusOr<std::string> PacketSocket::Receive() const {
  std::string frame(kMaxFrameBytes, '\0');
  ssize_t got;
  do {
    got = ::recv(fd_.get(), frame.data(), frame.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return absl::DeadlineExceededError("no frame yet");
  if (got < 0) return absl::ErrnoToStatus(errno, "cannot receive a frame");
  frame.resize(static_cast<size_t>(got));
  return frame;
}

}  // namespace koi
