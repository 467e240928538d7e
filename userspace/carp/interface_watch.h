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
  // `on_change` is called when anything below has changed, not from within Select().
  using ChangeCallback = std::function<void()>;

  // `loop` and `netlink` must outlive it.
  static absl::StatusOr<std::unique_ptr<InterfaceWatch>> Open(EventLoop& loop, Netlink& netlink,
                                                              ChangeCallback on_change);

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
  InterfaceWatch(Netlink& netlink, ChangeCallback on_change)
      : netlink_(netlink), on_change_(std::move(on_change)) {}
  bool Concerns(const NetlinkEvent& event) const;
  void Read();
  std::optional<Address> FirstIp4(int interface_index);

  Netlink& netlink_;
  ChangeCallback on_change_;
  std::unique_ptr<NetlinkMonitor> monitor_;
  std::string name_;
  std::vector<Address> vips_;
  std::optional<Interface> interface_;
  std::optional<Address> first_ip4_;
};

}  // namespace koi
