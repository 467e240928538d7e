// SPDX-License-Identifier: Apache-2.0
// Events say only that something changed; what is there is always read anew.
#include "carp/interface_watch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace koi {

absl::StatusOr<std::unique_ptr<InterfaceWatch>> InterfaceWatch::Open(EventLoop& loop,
                                                                     Netlink& netlink,
                                                                     Callbacks callbacks) {
  std::unique_ptr<InterfaceWatch> watch(new InterfaceWatch(netlink, std::move(callbacks)));
  KOI_ASSIGN_OR_RETURN(watch->monitor_,
                       NetlinkMonitor::Open(loop, [raw = watch.get()](const NetlinkEvent& event) {
                         raw->OnEvent(event);
                       }));
  return watch;
}

void InterfaceWatch::OnEvent(const NetlinkEvent& event) {
  if (Concerns(event)) Refresh();
  const auto* address = std::get_if<InterfaceAddress>(&event);
  if (address != nullptr && address->removed && interface_.has_value() &&
      address->interface_index == interface_->index && IsVip(address->address)) {
    callbacks_.on_vip_removed(address->address);
  }
}

bool InterfaceWatch::IsVip(const Address& address) const {
  return std::find(vips_.begin(), vips_.end(), address) != vips_.end();
}

void InterfaceWatch::Select(const std::string& name, std::vector<Address> vips) {
  name_ = name;
  vips_ = std::move(vips);
  Read();
}

// The VIPs' own renewals, two a second, concern nobody.
bool InterfaceWatch::Concerns(const NetlinkEvent& event) const {
  if (const auto* link = std::get_if<LinkEvent>(&event)) {
    return link->interface.name == name_ ||
           (interface_.has_value() && link->interface.index == interface_->index);
  }
  if (const auto* address = std::get_if<InterfaceAddress>(&event)) {
    return interface_.has_value() && address->interface_index == interface_->index &&
           !IsVip(address->address);
  }
  return true;
}

void InterfaceWatch::Refresh() {
  if (name_.empty()) return;
  const std::optional<Interface> interface_before = interface_;
  const std::optional<Address> ip4_before = first_ip4_;
  Read();
  const auto state = [](const std::optional<Interface>& interface) {
    return interface.has_value() ? std::make_tuple(interface->index, interface->mac, interface->up,
                                                   interface->carrier)
                                 : std::make_tuple(0, MacAddress{}, false, false);
  };
  if (state(interface_before) != state(interface_) || ip4_before != first_ip4_) {
    callbacks_.on_change();
  }
}

void InterfaceWatch::Read() {
  absl::StatusOr<Interface> found = netlink_.FindInterface(name_);
  if (!found.ok() && !absl::IsNotFound(found.status())) {
    LogError("cannot read the interface", {{"why", found.status().message()}});
    return;  // what was known still holds as far as anybody can tell
  }
  interface_ = found.ok() ? std::optional<Interface>(*std::move(found)) : std::nullopt;
  first_ip4_ = interface_.has_value() ? FirstIp4(interface_->index) : std::nullopt;
}

std::optional<Address> InterfaceWatch::FirstIp4(int interface_index) {
  const auto addresses = netlink_.Addresses(interface_index);
  if (!addresses.ok()) {
    LogError("cannot read the interface's addresses", {{"why", addresses.status().message()}});
    return first_ip4_;
  }
  for (const InterfaceAddress& candidate : *addresses) {
    if (candidate.address.is_ip4() && !IsVip(candidate.address)) return candidate.address;
  }
  return std::nullopt;
}

std::string InterfaceWatch::WhyUnusable() const {
  if (!interface_.has_value()) return absl::StrCat("interface ", name_, " does not exist");
  if (!interface_->up) return absl::StrCat("interface ", name_, " is down");
  return absl::StrCat("no carrier on ", name_);
}

}  // namespace koi
