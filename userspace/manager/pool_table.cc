// SPDX-License-Identifier: Apache-2.0
// Comparing the map of backends with what should be in it, and changing it.
#include "manager/pool_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace koi {
namespace {

bool IsOf(const BackendEntry& entry, const PoolConfig& pool, const BackendConfig& backend) {
  return entry.pool == pool.number && entry.pool_name == pool.name && entry.name == backend.name &&
         entry.endpoint == backend.endpoint;
}

// What `pool` says of `backend`, on top of what `entry` has.
BackendEntry Described(BackendEntry entry, const PoolConfig& pool, const BackendConfig& backend) {
  entry.admin = backend.draining ? BackendAdmin::kDraining : BackendAdmin::kEnabled;
  entry.origin = backend.from_cli ? BackendOrigin::kCli : BackendOrigin::kFile;
  entry.weight = backend.weight;
  entry.connections_max =
      backend.max_connections != 0 ? backend.max_connections : pool.limits.connections;
  entry.l4 = pool.is_l4();
  entry.pool = pool.number;
  entry.endpoint = backend.endpoint;
  entry.name = backend.name;
  entry.pool_name = pool.name;
  return entry;
}

// Calls `visit(pool, backend, entry)` for each backend of `pools`; `entry` is nullptr where
// `entries` have none.
template <typename Visit>
void ForEachBackend(const std::vector<PoolConfig>& pools, const std::vector<BackendEntry>& entries,
                    Visit visit) {
  for (const PoolConfig& pool : pools) {
    for (const BackendConfig& backend : pool.backends) {
      const auto found =
          std::find_if(entries.begin(), entries.end(),
                       [&](const BackendEntry& entry) { return IsOf(entry, pool, backend); });
      visit(pool, backend, found == entries.end() ? nullptr : &*found);
    }
  }
}

}  // namespace

absl::Status PoolTable::AddMissing(const std::vector<PoolConfig>& pools) {
  absl::Status status;
  ForEachBackend(
      pools, map_.List(),
      [&](const PoolConfig& pool, const BackendConfig& backend, const BackendEntry* present) {
        if (present != nullptr) return observer_.BackendPresent(*present, pool.check);
        if (!status.ok()) return;
        const auto added = map_.Add(Described({}, pool, backend), may_reuse_);
        status =
            Annotate(added.status(), absl::StrCat("cannot add backend \"", backend.name, "\""));
        if (added.ok()) observer_.BackendPresent(*added, pool.check);
      });
  observer_.BackendsChanged();
  return status;
}

void PoolTable::RemoveOthers(const std::vector<PoolConfig>& pools) {
  std::vector<BackendEntry> others = map_.List();
  ForEachBackend(
      pools, map_.List(),
      [&](const PoolConfig& pool, const BackendConfig& backend, const BackendEntry* present) {
        if (present == nullptr) return;
        map_.Update(Described(*present, pool, backend));
        retired_.erase(present->number);
        others.erase(std::remove_if(others.begin(), others.end(),
                                    [&](const BackendEntry& entry) {
                                      return entry.number == present->number;
                                    }),
                     others.end());
      });
  for (BackendEntry& entry : others) {
    if (entry.l4) {
      entry.admin = BackendAdmin::kDraining;
      map_.Update(entry);
      retired_.insert(entry.number);
    } else {
      map_.Remove(entry.number);
      observer_.BackendRemoved(entry);
    }
  }
  observer_.BackendsChanged();
}

void PoolTable::FreeRetired(const MayReuse& unused) {
  if (retired_.empty()) return;
  for (const BackendEntry& entry : map_.List()) {
    if (!retired_.contains(entry.number) || !unused(entry.number)) continue;
    retired_.erase(entry.number);
    map_.Remove(entry.number);
    observer_.BackendRemoved(entry);
  }
}

std::vector<BackendEntry> PoolTable::List() const {
  std::vector<BackendEntry> entries = map_.List();
  if (retired_.empty()) return entries;
  entries.erase(
      std::remove_if(entries.begin(), entries.end(),
                     [this](const BackendEntry& entry) { return retired_.contains(entry.number); }),
      entries.end());
  return entries;
}

bool PoolTable::AllChecked(const std::vector<PoolConfig>& pools) const {
  bool all = true;
  ForEachBackend(pools, map_.List(),
                 [&all](const PoolConfig&, const BackendConfig&, const BackendEntry* present) {
                   all = all && present != nullptr && present->health != BackendHealth::kUnknown;
                 });
  return all;
}

void PoolTable::SetHealth(uint32_t number, BackendHealth health) {
  for (BackendEntry& entry : map_.List()) {
    if (entry.number != number) continue;
    entry.health = health;
    map_.Update(entry);
  }
  observer_.BackendsChanged();
}

}  // namespace koi
