// SPDX-License-Identifier: Apache-2.0
// Comparing the map of backends with what should be in it, and changing it.
#include "manager/pool_table.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
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

// Entries by pool and name: one of that name, and those of the same name that retire.
using EntriesByName =
    absl::flat_hash_map<std::pair<uint32_t, absl::string_view>, std::vector<const BackendEntry*>>;

EntriesByName ByName(const std::vector<BackendEntry>& entries) {
  EntriesByName by_name;
  for (const BackendEntry& entry : entries) by_name[{entry.pool, entry.name}].push_back(&entry);
  return by_name;
}

// Calls `visit(pool, backend, entry)` for each backend of `pools`; `entry` is nullptr where
// `entries` have none.
template <typename Visit>
void ForEachBackend(const std::vector<PoolConfig>& pools, const std::vector<BackendEntry>& entries,
                    Visit visit) {
  const EntriesByName by_name = ByName(entries);
  for (const PoolConfig& pool : pools) {
    for (const BackendConfig& backend : pool.backends) {
      const BackendEntry* present = nullptr;
      const auto found = by_name.find({pool.number, absl::string_view(backend.name)});
      if (found != by_name.end()) {
        for (const BackendEntry* entry : found->second) {
          if (present == nullptr && IsOf(*entry, pool, backend)) present = entry;
        }
      }
      visit(pool, backend, present);
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
  const std::vector<BackendEntry> entries = map_.List();
  absl::flat_hash_set<uint32_t> stay;
  ForEachBackend(
      pools, entries,
      [&](const PoolConfig& pool, const BackendConfig& backend, const BackendEntry* present) {
        if (present == nullptr) return;
        map_.Update(Described(*present, pool, backend));
        retired_.erase(present->number);
        stay.insert(present->number);
      });
  for (BackendEntry entry : entries) {
    if (stay.contains(entry.number)) continue;
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
  std::optional<BackendEntry> entry = map_.Find(number);
  if (!entry.has_value()) return;
  entry->health = health;
  map_.Update(*entry);
  observer_.BackendsChanged();
}

}  // namespace koi
