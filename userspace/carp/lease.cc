// SPDX-License-Identifier: Apache-2.0
// Addresses with a lifetime, renewed four times in each.
#include "carp/lease.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr uint32_t kLeaseSeconds = 2;
constexpr Duration kRenewInterval = std::chrono::milliseconds(500);

std::vector<AddressChange> Changes(AddressChange::Kind kind, int interface_index,
                                   const std::vector<Address>& vips) {
  std::vector<AddressChange> changes;
  for (const Address& vip : vips) {
    changes.push_back({
        .kind = kind,
        .interface_index = interface_index,
        .address = vip,
        .prefix_bits = static_cast<uint8_t>(vip.is_ip4() ? 32 : 128),
        // Never preferred: the host's own connections must not leave from an address that moves.
        .lifetime = {.valid = kLeaseSeconds, .preferred = 0},
        .detect_duplicates = false,  // the election decides who has it; waiting would be an outage
        .prefix_route = false,
    });
  }
  return changes;
}

bool Contains(const std::vector<Address>& vips, const Address& vip) {
  return std::find(vips.begin(), vips.end(), vip) != vips.end();
}

}  // namespace

void Lease::SetVips(std::vector<Address> vips) {
  std::vector<Address> gone;
  for (const Address& vip : vips_) {
    if (!Contains(vips, vip)) gone.push_back(vip);
  }
  vips_ = std::move(vips);
  if (!held_) return;
  Remove(gone);
  Renew();
}

void Lease::SetGate(GateMap* gates, uint32_t gate) {
  gates_ = gates;
  gate_ = gate;
  if (gate_open_) RenewGate();
}

void Lease::Take(std::vector<Address> later) {
  held_ = true;
  later_ = std::move(later);
  Renew();
}

void Lease::TakeRest() {
  later_.clear();
  HoldOn();
}

std::vector<Address> Lease::taken() const {
  std::vector<Address> taken;
  for (const Address& vip : vips_) {
    if (!Contains(later_, vip)) taken.push_back(vip);
  }
  return taken;
}

void Lease::OpenGate() {
  if (!held_) return;
  gate_open_ = true;
  RenewGate();
}

void Lease::HoldOn() {
  if (held_ && still_ours_()) Renew();
}

void Lease::Release() {
  if (!held_) return;
  held_ = false;
  renewal_.Cancel();
  Remove(vips_);
  CloseGate();
}

bool Lease::Present(const Address& vip) const {
  const auto addresses = netlink_.Addresses(interface_index_);
  return addresses.ok() && std::any_of(addresses->begin(), addresses->end(),
                                       [&](const auto& there) { return there.address == vip; });
}

void Lease::Renew() {
  renewal_ = loop_.After(kRenewInterval, [this] {
    if (still_ours_()) Renew();
  });
  LogOnce(netlink_.Apply(Changes(AddressChange::Kind::kReplace, interface_index_, taken())),
          address_failure_);
  if (gate_open_) RenewGate();
}

void Lease::RenewGate() {
  if (gates_ == nullptr) return;
  LogOnce(Annotate(gates_->OpenUntil(gate_, Now() + std::chrono::seconds(kLeaseSeconds)),
                   "cannot open the gate"),
          gate_failure_);
}

void Lease::CloseGate() {
  if (std::exchange(gate_open_, false) && gates_ != nullptr) {
    LogOnce(Annotate(gates_->Close(gate_), "cannot close the gate"), gate_failure_);
  }
}

void Lease::Remove(const std::vector<Address>& vips) {
  LogOnce(netlink_.Apply(Changes(AddressChange::Kind::kRemove, interface_index_, vips)),
          address_failure_);
}

void Lease::LogOnce(const absl::Status& status, std::string& last_failure) {
  if (!status.ok() && status.message() != last_failure) {
    LogError("VIPs are not as they should be", {{"why", status.message()}});
  }
  last_failure = std::string(status.message());
}

}  // namespace koi
