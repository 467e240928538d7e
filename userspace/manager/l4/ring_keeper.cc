// SPDX-License-Identifier: Apache-2.0
// Rings of all pools, and looks through koi_flows.
#include "manager/l4/ring_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

// Of one call: each table takes some milliseconds.
constexpr int kPoolsPerTurn = 2;
constexpr size_t kFlowsPerTurn = 4096;
// From the beginning of one look to that of the next.
constexpr Duration kLookInterval = std::chrono::seconds(10);
// Between two parts of a look, so that others have their turn.
constexpr Duration kLookPause = std::chrono::milliseconds(10);
// Nothing is due: what comes is told.
constexpr Duration kNothingInterval = std::chrono::seconds(60);

// Whether the ring that `keeper` has is the one that `pool` is to have.
bool IsOf(const PoolKeeper& keeper, const L4Pool& pool) {
  return keeper.pool().name == pool.name && keeper.pool().slots == pool.slots;
}

}  // namespace

absl::Status RingKeeper::AddMissing(const std::vector<L4Pool>& pools, TimePoint now) {
  for (const L4Pool& pool : pools) {
    PoolKeeper* known = Find(pool.number);
    if (known != nullptr && IsOf(*known, pool)) {
      if (known->pool() != pool) known->SetPool(pool);
      continue;
    }
    pools_.erase(pool.number);
    KOI_RETURN_IF_ERROR(AddPool(pool, now));
  }
  return absl::OkStatus();
}

absl::Status RingKeeper::RemoveOthers(const std::vector<L4Pool>& pools) {
  std::vector<RingMaps::PoolName> names;
  for (const L4Pool& pool : pools) names.push_back({.number = pool.number, .name = pool.name});
  for (auto known = pools_.begin(); known != pools_.end();) {
    const bool stays = std::any_of(pools.begin(), pools.end(), [&](const L4Pool& pool) {
      return pool.number == known->first && IsOf(*known->second, pool);
    });
    known = stays ? std::next(known) : pools_.erase(known);
  }
  look_again_ = true;
  return maps_.RemoveOthers(names);
}

absl::Status RingKeeper::AddPool(const L4Pool& pool, TimePoint now) {
  KOI_ASSIGN_OR_RETURN(PoolRing ring, maps_.OpenRing(pool.number, pool.name, pool.slots));
  auto keeper = std::make_unique<PoolKeeper>(pool, std::move(ring), maps_, references_, now);
  KOI_RETURN_IF_ERROR(maps_.Publish(keeper->ring()));
  pools_[pool.number] = std::move(keeper);
  return absl::OkStatus();
}

void RingKeeper::SetBackends(const std::vector<BackendEntry>& backends) {
  absl::btree_map<uint32_t, std::vector<BackendEntry>> by_pool;
  for (const BackendEntry& backend : backends) {
    PoolKeeper* pool = Find(backend.pool);
    if (pool != nullptr && pool->pool().name == backend.pool_name)
      by_pool[backend.pool].push_back(backend);
  }
  for (auto& [number, pool] : pools_) pool->SetBackends(std::move(by_pool[number]));
}

PoolKeeper* RingKeeper::Find(uint32_t pool) {
  const auto found = pools_.find(pool);
  return found == pools_.end() ? nullptr : found->second.get();
}

TimePoint RingKeeper::Advance(TimePoint now) {
  TimePoint next = AdvancePools(now);
  if (looking_ || LookIsDue(now)) Look(now);
  if (looking_) return std::min(next, now + kLookPause);
  return std::min(next, LooksOn() ? look_began_ + kLookInterval : now + kNothingInterval);
}

TimePoint RingKeeper::AdvancePools(TimePoint now) {
  int turns = kPoolsPerTurn;
  TimePoint next = TimePoint::max();
  for (auto& [number, pool] : pools_) {
    if (pool->due() <= now && turns-- > 0) Note(pool->Advance(now, times_));
    next = std::min(next, pool->due());
  }
  return std::max(next, now);
}

// Entries of pools that went are removed too.
bool RingKeeper::LooksOn() const { return !pools_.empty() || entries_ > 0 || look_again_; }

bool RingKeeper::LookIsDue(TimePoint now) const {
  return LooksOn() && (look_began_ == TimePoint() || now >= look_began_ + kLookInterval);
}

void RingKeeper::Look(TimePoint now) {
  if (!looking_) {
    looking_ = true;
    look_again_ = false;
    look_began_ = now;
    place_ = {};
    live_ = 0;
    live_of_.clear();
    references_.LookBegins();
    for (auto& [number, pool] : pools_) pool->LookBegins();
  }
  const auto is_dead = [&](const Flow& flow) {
    PoolKeeper* pool = Find(flow.pool);
    return pool == nullptr || pool->Look(flow, now, times_);
  };
  std::vector<FlowKey> dead;
  const absl::StatusOr<bool> through =
      flows_.Walk(place_, kFlowsPerTurn, [&](const FlowKey& key, const Flow& flow) {
        references_.Seen(flow.backend);
        if (is_dead(flow)) {
          dead.push_back(key);
        } else {
          ++live_;
          ++live_of_[flow.backend];
        }
      });
  for (const FlowKey& key : dead) Note(flows_.RemoveIf(key, is_dead));
  if (!through.ok()) {
    Note(through.status());
    looking_ = false;  // begins anew at the next interval
    look_again_ = true;
  } else if (*through) {
    EndLook();
  }
}

void RingKeeper::EndLook() {
  looking_ = false;
  references_.LookEnds();
  entries_ = live_;
  entries_of_ = std::exchange(live_of_, {});
  const absl::StatusOr<FlowRefusals> refusals = flows_.Refusals();
  Note(refusals.status());
  // Since then entries that name `previous` may have come where the look had been already.
  const Duration silent = std::max(times_.handshake, times_.idle.udp);
  const bool previous_may_gain =
      !refusals.ok() ||
      (refusals->count > 0 && look_began_ < refusals->last + times_.full + silent + kFlowTimeGrain);
  for (auto& [number, pool] : pools_) pool->LookEnds(look_began_, previous_may_gain, times_);
}

RingFigures RingKeeper::Figures(uint32_t pool) const {
  const auto found = pools_.find(pool);
  if (found == pools_.end()) return {};
  return {.slots = found->second->ring().slots(), .moved = found->second->moved()};
}

FlowFigures RingKeeper::Flows() const {
  const absl::StatusOr<FlowRefusals> refusals = flows_.Refusals();
  return {.entries = entries_, .refused = refusals.ok() ? refusals->count : 0};
}

uint64_t RingKeeper::Entries(uint32_t backend) const {
  const auto found = entries_of_.find(backend);
  return found == entries_of_.end() ? 0 : found->second;
}

// What goes on failing is said once.
void RingKeeper::Note(const absl::Status& status) {
  if (status.ok() || status == noted_) return;
  noted_ = status;
  LogError("a ring cannot be kept", {{"why", status.message()}});
}

}  // namespace koi
