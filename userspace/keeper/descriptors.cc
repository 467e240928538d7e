// SPDX-License-Identifier: Apache-2.0
// Listeners and held descriptors.
#include "keeper/descriptors.h"

#include "base/address.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "net/socket.h"

namespace koi {

absl::StatusOr<Descriptors> Descriptors::Open(const std::vector<int>& cpus) {
  // [::1] refuses IPv4 and 127.0.0.1 refuses IPv6; bound to [::] they would answer on every address
  // of the host.
  constexpr const char* kLoopback[] = {"127.0.0.1", "::1"};
  Descriptors descriptors;
  descriptors.cpus_ = cpus;
  for (const int cpu : cpus) {
    for (int family = 0; family < 2; ++family) {
      KOI_ASSIGN_OR_RETURN(const Address address, Address::Parse(kLoopback[family]));
      absl::StatusOr<Fd> listener = ListenTcp(Endpoint{address, 0});
      if (!listener.ok() && family == 1) {
        if (cpu == cpus.front()) {
          LogWarn("no IPv6 on this host: IPv6 VIPs will not be served",
                  {{"why", listener.status().message()}});
        }
        continue;
      }
      KOI_RETURN_IF_ERROR(listener.status());
      descriptors.listeners_.push_back({cpu, family, *std::move(listener)});
    }
  }
  return descriptors;
}

void Descriptors::ForEachListener(const std::function<void(int, int, int)>& visit) const {
  for (const Listener& listener : listeners_)
    visit(listener.cpu, listener.family, listener.fd.get());
}

void Descriptors::ForEachHeld(const std::function<void(const std::string&, int)>& visit) const {
  for (const auto& [name, fd] : held_) visit(name, fd.get());
}

absl::Status Descriptors::Hold(absl::string_view name, Fd fd) {
  const std::string key(name);
  if (held_.size() >= kMaxHeld && held_.find(key) == held_.end()) {
    return absl::ResourceExhaustedError("too many descriptors are held");
  }
  held_[key] = std::move(fd);
  return absl::OkStatus();
}

void Descriptors::Drop(absl::string_view name) { held_.erase(std::string(name)); }

}  // namespace koi
