// SPDX-License-Identifier: Apache-2.0
// A packet socket with a filter, and a membership in the group.
#include "carp/advert_socket.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/status_macros.h"
#include "carp/advert.h"

namespace koi {
namespace {

// The kernel keeps what the filter lets in; the rest of the host's traffic is never copied to us.
std::vector<sock_filter> CarpOnly() {
  constexpr uint32_t kProtocolAt = ETH_HLEN + 9;
  constexpr uint32_t kWholeFrame = 0xffff;
  return {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kProtocolAt),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kCarpProtocol, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kWholeFrame),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
}

// Makes the kernel answer IGMP queries: a switch that snoops sends the group's frames only to
// members.
absl::StatusOr<Fd> JoinGroup(int interface_index) {
  Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot create a UDP socket");
  ip_mreqn membership = {};
  membership.imr_multiaddr = CarpGroupAddress().ip4();
  membership.imr_ifindex = interface_index;
  if (::setsockopt(fd.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof(membership)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot join 224.0.0.18");
  }
  return fd;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AdvertSocket>> AdvertSocket::Open(EventLoop& loop,
                                                                 int interface_index,
                                                                 FrameCallback on_frame) {
  KOI_ASSIGN_OR_RETURN(Fd membership, JoinGroup(interface_index));
  KOI_ASSIGN_OR_RETURN(PacketSocket frames, PacketSocket::Open({.interface_index = interface_index,
                                                                .ether_type = ETH_P_IP,
                                                                .filter = CarpOnly(),
                                                                .groups = {kCarpGroupMac}}));
  std::unique_ptr<AdvertSocket> socket(
      new AdvertSocket(std::move(frames), std::move(membership), std::move(on_frame)));
  KOI_ASSIGN_OR_RETURN(
      socket->watch_,
      loop.Add(socket->frames_.fd(), EPOLLIN, [raw = socket.get()](uint32_t) { raw->Receive(); }));
  return socket;
}

void AdvertSocket::Receive() {
  // A flood must not keep the timers of the own adverts waiting.
  constexpr int kFramesPerTurn = 64;
  for (int i = 0; i < kFramesPerTurn; ++i) {
    const absl::StatusOr<std::string> frame = frames_.Receive();
    // An error is reported once (the interface went down); netlink tells of it too.
    if (!frame.ok()) return;
    on_frame_(*frame);
  }
}

}  // namespace koi
