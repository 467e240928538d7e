// SPDX-License-Identifier: Apache-2.0
// Keeps track of the one interface that CARP runs on, by its name: it may be down, vanish and
// return as another one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address.h"
#include "net/event_loop.h"
#include "net/netlink.h"

namespace koi {

class InterfaceWatch {
 public:
  struct Callbacks {
    // Anything below has changed. Not called from within Select().
    std::function<void()> on_change;
    // `vip` was removed from the interface, by whomever.
    std::function<void(const Address& vip)> on_vip_removed;
  };

  // `loop` and `netlink` must outlive it.
  static absl::StatusOr<std::unique_ptr<InterfaceWatch>> Open(EventLoop& loop, Netlink& netlink,
                                                              Callbacks callbacks);

  // Watches `name` from now on. `vips` come and go and are never taken for the host's own address.
  void Select(const std::string& name, std::vector<Address> vips);
  // Looks again.
  void Refresh();

  // The interface as it is; nullopt when it does not exist.
  const std::optional<Interface>& interface() const { return interface_; }
  // The host's first own IPv4 address there.
  const std::optional<Address>& first_ip4() const { return first_ip4_; }
  // Whether it can carry frames; if not, a sentence that says why.
  bool usable() const { return interface_.has_value() && interface_->carrier; }
  std::string WhyUnusable() const;

 private:
  InterfaceWatch(Netlink& netlink, Callbacks callbacks)
      : netlink_(netlink), callbacks_(std::move(callbacks)) {}
  void OnEvent(const NetlinkEvent& event);
  bool IsVip(const Address& address) const;
  bool Concerns(const NetlinkEvent& event) const;
  void Read();
  std::optional<Address> FirstIp4(int interface_index);

  Netlink& netlink_;
  Callbacks callbacks_;
  std::unique_ptr<NetlinkMonitor> monitor_;
  std::string name_;
  std::vector<Address> vips_;
  std::optional<Interface> interface_;
  std::optional<Address> first_ip4_;
};

}  // namespace koi
