// SPDX-License-Identifier: Apache-2.0
// When koi_xdp is on the interface: while this host is master of a group, or always, because the
// configuration says so or because the network card does not bear attaching well.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/fd.h"
#include "config/config.h"
#include "net/event_loop.h"
#include "net/netlink.h"
#include "protocol/carp_messages.h"

namespace koi {

class XdpPolicy {
 public:
  // The keeper holds a second descriptor of the link, so that it outlives this process.
  struct KeeperCalls {
    std::function<void(int link_fd)> hold;
    std::function<void()> drop;
    // A driver may keep this process waiting for so long: that is no reason to kill it.
    // Zero: no longer.
    std::function<void(Duration at_most)> busy;
  };

  // Both must outlive it.
  XdpPolicy(EventLoop& loop, Netlink& netlink, KeeperCalls keeper)
      : loop_(loop), netlink_(netlink), keeper_(std::move(keeper)) {}

  // The program, and when to attach it. An attached one is replaced, no packet missed.
  void Configure(Fd program, const XdpConfig& config);
  // Where; nullopt: nowhere, the interface is gone. Once an interface has a carrier comes a trial:
  // attach, watch the carrier, detach. To be called whenever one of its properties has changed.
  void SetInterface(const std::optional<Interface>& interface);
  // A link that an earlier process attached.
  void TakeOver(Fd link);
  // Whether this host is master of a group.
  void SetWanted(bool wanted);
  // Tries again what failed. Called once a second.
  void Retry();
  // Off the interface, for good.
  void Stop();

  XdpReport Report() const;

 private:
  bool configured() const { return program_.valid() && interface_index_ != 0; }
  bool attached() const { return link_.valid(); }
  bool Stays() const { return config_.attach == XdpAttach::kAlways || !stays_because_.empty(); }
  bool ShouldBeAttached() const { return wanted_ || Stays(); }
  void BeginOnce();
  void Adopt();
  void Attach();
  void Detach();
  void Release();
  void Observe();
  void ConcludeObservation();
  void Stay(const std::string& because);
  void Fail(const std::string& why);
  std::optional<Interface> ReadInterface();

  EventLoop& loop_;
  Netlink& netlink_;
  KeeperCalls keeper_;
  Fd program_;
  XdpConfig config_;
  std::string interface_name_;
  int interface_index_ = 0;
  bool has_carrier_ = false;
  bool begun_ = false;  // the trial on this interface
  bool wanted_ = false;
  bool stopped_ = false;

  Fd link_;
  std::string mode_ = "off";
  std::string why_ = "starting";
  std::string stays_because_;  // "": nothing forbids detaching
  std::string last_failure_;

  EventLoop::Timer observation_;  // pending: what attaching or detaching did to the link is watched
  uint32_t carrier_changes_ = 0;  // before that
  Duration attach_took_ = Duration::zero();
  int slow_attaches_ = 0;  // in a row
};

}  // namespace koi
