// SPDX-License-Identifier: Apache-2.0
// Comparing the map of backends with what should be in it, and changing it.
#include "manager/pool_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace koi {
namespace {

std::string NotThere(absl::string_view what, absl::string_view name,
                     const std::vector<std::string>& there) {
  std::string message = absl::StrCat("there is no ", what, " \"", name, "\"");
  const std::string nearest = Nearest(name, there);
  if (!nearest.empty()) return absl::StrCat(message, "; did you mean \"", nearest, "\"?");
  if (there.empty()) return absl::StrCat(message, "; there is none at all");
  return absl::StrCat(message, "; there are: ", absl::StrJoin(there, ", "));
}

}  // namespace

absl::Status PoolTable::Reconcile() {
  std::vector<BackendEntry> kept;
  for (const BackendEntry& entry : map_.List()) {
    const absl::StatusOr<uint32_t> pool = FindPool(entry.pool_name);
    const BackendConfig* configured =
        pool.ok() && *pool == entry.pool ? Configured(entry) : nullptr;
    const bool from_cli = pool.ok() && *pool == entry.pool && entry.origin == BackendOrigin::kCli;
    if (configured != nullptr ? configured->endpoint == entry.endpoint : from_cli) {
      kept.push_back(entry);
      if (configured != nullptr) kept.back().weight = configured->weight;
      map_.Update(kept.back());
      observer_.BackendAdded(kept.back());
    } else {
      map_.Remove(entry.number);
    }
  }
  for (uint32_t pool = 0; pool < pools_.size(); ++pool) {
    for (const BackendConfig& backend : pools_[pool].backends) {
      const bool there = std::any_of(kept.begin(), kept.end(), [&](const BackendEntry& entry) {
        return entry.pool == pool && entry.name == backend.name;
      });
      if (!there) KOI_RETURN_IF_ERROR(Insert(pool, backend, BackendOrigin::kFile).status());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<BackendEntry> PoolTable::Add(absl::string_view pool, absl::string_view name,
                                            const Endpoint& endpoint, uint32_t weight) {
  KOI_ASSIGN_OR_RETURN(const uint32_t number, FindPool(pool));
  const absl::StatusOr<BackendEntry> existing = Find(pool, name);
  if (existing.ok()) {
    return absl::AlreadyExistsError(absl::StrCat("pool \"", pool, "\" already has a backend \"",
                                                 name, "\", ", existing->endpoint.ToString()));
  }
  return Insert(number, BackendConfig{std::string(name), endpoint, weight}, BackendOrigin::kCli);
}

absl::StatusOr<BackendEntry> PoolTable::SetAdmin(absl::string_view pool, absl::string_view name,
                                                 BackendAdmin admin) {
  KOI_ASSIGN_OR_RETURN(BackendEntry entry, Find(pool, name));
  entry.admin = admin;
  map_.Update(entry);
  return entry;
}

absl::StatusOr<BackendEntry> PoolTable::Remove(absl::string_view pool, absl::string_view name) {
  KOI_ASSIGN_OR_RETURN(BackendEntry entry, Find(pool, name));
  map_.Remove(entry.number);
  observer_.BackendRemoved(entry);
  return entry;
}

void PoolTable::SetHealth(uint32_t number, BackendHealth health) {
  for (BackendEntry& entry : map_.List()) {
    if (entry.number != number) continue;
    entry.health = health;
    map_.Update(entry);
  }
}

absl::StatusOr<uint32_t> PoolTable::FindPool(absl::string_view name) const {
  std::vector<std::string> names;
  for (uint32_t pool = 0; pool < pools_.size(); ++pool) {
    if (pools_[pool].name == name) return pool;
    names.push_back(pools_[pool].name);
  }
  return absl::NotFoundError(NotThere("pool", name, names));
}

absl::StatusOr<BackendEntry> PoolTable::Find(absl::string_view pool, absl::string_view name) const {
  KOI_ASSIGN_OR_RETURN(const uint32_t number, FindPool(pool));
  std::vector<std::string> names;
  for (BackendEntry& entry : map_.List()) {
    if (entry.pool != number) continue;
    if (entry.name == name) return std::move(entry);
    names.push_back(entry.name);
  }
  return absl::NotFoundError(
      absl::StrCat("in pool \"", pool, "\" ", NotThere("backend", name, names)));
}

const BackendConfig* PoolTable::Configured(const BackendEntry& entry) const {
  for (const BackendConfig& backend : pools_[entry.pool].backends) {
    if (backend.name == entry.name) return &backend;
  }
  return nullptr;
}

absl::StatusOr<BackendEntry> PoolTable::Insert(uint32_t pool, const BackendConfig& backend,
                                               BackendOrigin origin) {
  BackendEntry entry;
  entry.origin = origin;
  entry.weight = backend.weight;
  entry.pool = pool;
  entry.endpoint = backend.endpoint;
  entry.name = backend.name;
  entry.pool_name = pools_[pool].name;
  absl::StatusOr<BackendEntry> added = map_.Add(std::move(entry), may_reuse_);
  if (!added.ok())
    return Annotate(added.status(), absl::StrCat("cannot add backend \"", backend.name, "\""));
  observer_.BackendAdded(*added);
  return added;
}

}  // namespace koi
