// SPDX-License-Identifier: Apache-2.0
// From configuration and clock to the keeper.
#include "manager/l4_rings.h"

#include <algorithm>
#include <vector>

namespace koi {
namespace {

// A pool that nobody uses is taken for one of TCP: that is the longer time.
bool OnlyUdp(const Config& config, size_t pool) {
  bool used = false;
  for (const ServiceConfig& service : config.services) {
    if (!service.is_l4() || service.pool != pool) continue;
    if (service.protocols.tcp) return false;
    used = true;
  }
  return used;
}

std::vector<L4Pool> L4PoolsOf(const Config& config) {
  std::vector<L4Pool> pools;
  for (size_t i = 0; i < config.pools.size(); ++i) {
    const PoolConfig& pool = config.pools[i];
    if (!pool.is_l4()) continue;
    pools.push_back({.number = pool.number,
                     .name = pool.name,
                     .slots = pool.l4.ring_size,
                     .flows_leave_down_backends = pool.l4.on_down == OnDown::kLeave,
                     .only_udp = OnlyUdp(config, i),
                     .slow_start = pool.slow_start});
  }
  return pools;
}

}  // namespace

absl::Status L4Rings::AddMissing(const Config& config) {
  keeper_.SetTimes({.idle = {.tcp = config.xdp.idle_tcp, .udp = config.xdp.idle_udp},
                    .handshake = kL4Handshake,
                    .full = kL4Full});
  const std::vector<L4Pool> pools = L4PoolsOf(config);
  if (pools.empty()) return absl::OkStatus();
  const absl::Status added = keeper_.AddMissing(pools, CoarseNow());
  BackendsChanged();
  return added;
}

absl::Status L4Rings::RemoveOthers(const Config& config) {
  const absl::Status removed = keeper_.RemoveOthers(L4PoolsOf(config));
  BackendsChanged();
  return removed;
}

void L4Rings::BackendsChanged() {
  if (!keeper_.has_pools()) return;
  keeper_.SetBackends(pools_.ListAll());
  Advance();
}

void L4Rings::Advance() {
  const TimePoint now = CoarseNow();
  const TimePoint next = keeper_.Advance(now);
  pools_.FreeRetired([this](uint32_t backend) { return keeper_.Free(backend); });
  // Not at once, even when there is more to do: others have their turn.
  timer_ = loop_.After(std::max<Duration>(next - now, std::chrono::milliseconds(1)),
                       [this] { Advance(); });
}

}  // namespace koi
