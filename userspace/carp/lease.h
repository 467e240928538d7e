// SPDX-License-Identifier: Apache-2.0
// A group's hold on its VIPs: addresses that the kernel removes and a gate that closes two seconds
// after the last renewal, whatever became of this process.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/address.h"
#include "dataplane/gate_map.h"
#include "net/event_loop.h"
#include "net/netlink.h"

namespace koi {

class Lease {
 public:
  // Whether the VIPs are still this host's: asked before each renewal, may call Release().
  using StillOurs = std::function<bool()>;

  // Both must outlive the lease.
  Lease(EventLoop& loop, Netlink& netlink, StillOurs still_ours)
      : loop_(loop), netlink_(netlink), still_ours_(std::move(still_ours)) {}

  // What is held from the next Take() on, or from now on if held: `vips` on interface `index`, and
  // entry `gate` of `gates`, which must stay valid until replaced. VIPs that are no longer in it
  // are released; an entry of before is the caller's to close.
  void SetVips(std::vector<Address> vips);
  void SetInterface(int index) { interface_index_ = index; }
  void SetGate(GateMap* gates, uint32_t gate);

  // Adds the VIPs, at once, and renews them; those of `later` only from TakeRest() on. Failures are
  // logged, and tried again with each renewal.
  void Take(std::vector<Address> later);
  void TakeRest();
  // Opens the gate too, and keeps it open. Only while held.
  void OpenGate();
  // Renews all of it at once, if held.
  void HoldOn();
  // Removes the VIPs, then closes the gate.
  void Release();

  bool held() const { return held_; }
  // Whether any VIP waits for TakeRest().
  bool waits() const { return held_ && !later_.empty(); }
  // Whether the kernel has `vip` on the interface, as far as it tells.
  bool Present(const Address& vip) const;
  // Those that do not wait.
  std::vector<Address> taken() const;

 private:
  void Renew();
  void RenewGate();
  void CloseGate();
  void Remove(const std::vector<Address>& vips);
  static void LogOnce(const absl::Status& status, std::string& last_failure);

  EventLoop& loop_;
  Netlink& netlink_;
  StillOurs still_ours_;
  std::vector<Address> vips_;
  std::vector<Address> later_;  // of these
  int interface_index_ = 0;
  GateMap* gates_ = nullptr;
  uint32_t gate_ = 0;
  bool held_ = false;
  bool gate_open_ = false;
  EventLoop::Timer renewal_;
  // "" while all is well. The same failure is logged once, not twice a second.
  std::string address_failure_;
  std::string gate_failure_;
};

}  // namespace koi
