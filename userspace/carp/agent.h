// SPDX-License-Identifier: Apache-2.0
// The process koi-carp: what the manager configured last is all it needs, and nobody else. Its
// groups share one interface, one pair of sockets and one XDP program.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "carp/advert_socket.h"
#include "carp/group.h"
#include "carp/interface_watch.h"
#include "carp/xdp_policy.h"
#include "net/channel.h"
#include "net/event_loop.h"
#include "net/netlink.h"
#include "protocol/carp_messages.h"
#include "protocol/keeper_messages.h"

namespace koi {

class Agent {
 public:
  // Takes over both channel ends. `loop` must outlive the agent.
  static absl::StatusOr<std::unique_ptr<Agent>> Create(EventLoop& loop, Fd keeper, Fd manager);

  // Until it was told to stop (SIGTERM, or the keeper) and the VIPs are released, or the keeper is
  // gone. Returns the exit code.
  int Run();

 private:
  Agent(EventLoop& loop, Netlink netlink);
  absl::Status WatchSignals();

  void OnKeeperMessage(ChannelMessage message);
  void OnManagerMessage(ChannelMessage message);
  void Configure(const CarpConfigure& config, std::vector<Fd> fds);
  void ConfigureGroups(const std::vector<CarpGroup>& groups, GateMap* gates);
  Group::Surroundings SurroundingsOfGroups();

  void BringLinkUpToDate();
  void NoteOwnAddress();
  absl::Status OpenSocket(const Interface& interface);
  void LinkDown(const std::string& reason);
  void OnFrame(absl::string_view frame);
  void OnGroupChange();

  void EachSecond();
  void WatchManager();
  void SendReport();
  void BeginStop();
  void FinishIfStopped();
  void TellKeeper(KeeperMessage message, int fd = -1);

  EventLoop& loop_;
  Netlink netlink_;
  Fd signal_fd_;
  EventLoop::Watch signal_watch_;
  std::unique_ptr<Channel> keeper_;
  std::unique_ptr<Channel> manager_;  // null once its other end is gone
  std::unique_ptr<InterfaceWatch> interface_;
  std::unique_ptr<AdvertSocket> socket_;  // null while the interface is not usable
  Interface socket_interface_;            // what it is bound to
  std::unique_ptr<GateMap> gates_;
  XdpPolicy xdp_;
  std::string interface_name_;
  // The host's own address that adverts come from; for a while also one that is gone.
  std::optional<Address> own_ip4_;
  EventLoop::Timer own_ip4_gone_;  // pending while it is gone
  std::vector<std::unique_ptr<Group>> groups_;
  std::string last_link_trouble_;  // logged once, not each second
  EventLoop::Timer each_second_;
  TimePoint manager_read_at_;  // when it had last read all our reports
  bool manager_absent_ = false;
  bool stopping_ = false;
  bool finished_ = false;
  int exit_code_ = kExitOk;
};

// All of main(): finds the two channels where the keeper puts them.
int RunCarp();

}  // namespace koi
