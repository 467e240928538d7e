// SPDX-License-Identifier: Apache-2.0
// Applying and making changes.
#include "config/state_changes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "config/schema.h"
#include "config/value.h"

namespace koi {
namespace {

template <typename Change>
auto OfBackend(std::vector<Change>& changes, absl::string_view pool, absl::string_view name) {
  return std::find_if(changes.begin(), changes.end(), [&](const Change& change) {
    return change.pool == pool && change.name == name;
  });
}

PoolConfig* PoolOf(Config& config, absl::string_view name) {
  for (PoolConfig& pool : config.pools) {
    if (pool.name == name) return &pool;
  }
  return nullptr;
}

BackendConfig* BackendOf(PoolConfig& pool, absl::string_view name) {
  for (BackendConfig& backend : pool.backends) {
    if (backend.name == name) return &backend;
  }
  return nullptr;
}

// In an l4 pool the port is not where packets go.
const BackendConfig* AtEndpoint(const PoolConfig& pool, const Endpoint& endpoint) {
  for (const BackendConfig& backend : pool.backends) {
    const bool same =
        pool.is_l4() ? backend.endpoint.address == endpoint.address : backend.endpoint == endpoint;
    if (same) return &backend;
  }
  return nullptr;
}

size_t MaxBackends(const PoolConfig& like) { return like.is_l4() ? kMaxL4Backends : kMaxBackends; }

// Whether there is a number for another backend of `pool`.
bool HasRoom(const Config& config, const PoolConfig& pool) {
  size_t count = 0;
  for (const PoolConfig& other : config.pools) {
    if (other.is_l4() == pool.is_l4()) count += other.backends.size();
  }
  return count < MaxBackends(pool);
}

// What a file could not say of a backend in an l4 pool either (config/build_l4.cc).
absl::Status CheckL4Address(const Config& config, const PoolConfig& pool, const Address& address) {
  if (!pool.is_l4()) return absl::OkStatus();
  for (const VipConfig& vip : config.vips) {
    if (vip.address != address) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("a backend cannot be at ", address.ToString(), ", which is a VIP"));
  }
  if (pool.l4.forward != Forward::kDsr) return absl::OkStatus();
  for (const ServiceConfig& service : config.services) {
    if (!service.pool.has_value() || &config.pools[*service.pool] != &pool) continue;
    for (const Endpoint& listen : service.listen) {
      if (listen.address.is_ip4() == address.is_ip4()) continue;
      return absl::InvalidArgumentError(absl::StrCat("service \"", service.name, "\" listens on ",
                                                     ListenText(listen),
                                                     ", and with forward = "
                                                     "\"dsr\" a backend at ",
                                                     address.ToString(), " is of another family"));
    }
  }
  return absl::OkStatus();
}

// Each of these makes one change, or says why it means nothing any more.
std::string Apply(const AddedBackend& added, Config& config) {
  PoolConfig* pool = PoolOf(config, added.pool);
  if (pool == nullptr) return absl::StrCat("there is no pool \"", added.pool, "\" any more");
  if (const BackendConfig* other = BackendOf(*pool, added.name); other != nullptr) {
    if (other->endpoint == added.endpoint) return "the file has it now";
    return absl::StrCat("the file has one of that name now, at ", other->endpoint.ToString());
  }
  if (const BackendConfig* other = AtEndpoint(*pool, added.endpoint); other != nullptr) {
    return absl::StrCat("the file has its address now, as \"", other->name, "\"");
  }
  if (!HasRoom(config, *pool)) {
    return absl::StrCat("there are ", MaxBackends(*pool), " backends without it");
  }
  const absl::Status fits = CheckL4Address(config, *pool, added.endpoint.address);
  if (!fits.ok()) return std::string(fits.message());
  pool->backends.push_back({.name = added.name,
                            .endpoint = added.endpoint,
                            .weight = added.weight,
                            .from_cli = true,
                            .draining = false});
  return "";
}

std::string ApplyRemoved(const NotedBackend& removed, Config& config) {
  PoolConfig* pool = PoolOf(config, removed.pool);
  if (pool == nullptr) return absl::StrCat("there is no pool \"", removed.pool, "\" any more");
  const auto found =
      std::find_if(pool->backends.begin(), pool->backends.end(),
                   [&](const BackendConfig& backend) { return backend.name == removed.name; });
  if (found == pool->backends.end()) return "the file does not have it any more";
  pool->backends.erase(found);
  return "";
}

std::string ApplyDraining(const NotedBackend& draining, Config& config) {
  PoolConfig* pool = PoolOf(config, draining.pool);
  if (pool == nullptr) return absl::StrCat("there is no pool \"", draining.pool, "\" any more");
  BackendConfig* backend = BackendOf(*pool, draining.name);
  if (backend == nullptr) return "there is no such backend any more";
  backend->draining = true;
  return "";
}

std::string ApplyWeight(const WeightedBackend& weighted, Config& config) {
  PoolConfig* pool = PoolOf(config, weighted.pool);
  if (pool == nullptr) return absl::StrCat("there is no pool \"", weighted.pool, "\" any more");
  BackendConfig* backend = BackendOf(*pool, weighted.name);
  if (backend == nullptr) return "there is no such backend any more";
  if (backend->weight == weighted.weight) return "it has that weight now";
  backend->weight = weighted.weight;
  return "";
}

template <typename Change, typename Applier>
void ApplyEach(const std::vector<Change>& changes, absl::string_view what, Applier apply,
               std::vector<Change>& kept, AppliedState& applied) {
  for (const Change& change : changes) {
    const std::string moot = apply(change, applied.config);
    if (moot.empty()) {
      kept.push_back(change);
    } else {
      applied.dropped.push_back(absl::StrCat("backend ", change.pool, "/", change.name, ", ", what,
                                             " by ", change.note.by, " at ", change.note.at,
                                             ": dropped, ", moot));
    }
  }
}

std::string NotThere(absl::string_view what, absl::string_view name,
                     const std::vector<std::string>& there) {
  std::string message = absl::StrCat("there is no ", what, " \"", name, "\"");
  const std::string nearest = Nearest(name, there);
  if (!nearest.empty()) return absl::StrCat(message, "; did you mean \"", nearest, "\"?");
  if (there.empty()) return absl::StrCat(message, "; there is none at all");
  return absl::StrCat(message, "; there are: ", absl::StrJoin(there, ", "));
}

template <typename Item>
std::vector<std::string> NamesOf(const std::vector<Item>& items) {
  std::vector<std::string> names;
  for (const Item& item : items) names.push_back(item.name);
  return names;
}

absl::StatusOr<PoolConfig*> FindPool(Config& config, absl::string_view name) {
  if (PoolConfig* pool = PoolOf(config, name); pool != nullptr) return pool;
  return absl::NotFoundError(NotThere("pool", name, NamesOf(config.pools)));
}

absl::StatusOr<BackendConfig*> FindBackend(Config& config, const NotedBackend& wanted) {
  KOI_ASSIGN_OR_RETURN(PoolConfig * pool, FindPool(config, wanted.pool));
  if (BackendConfig* found = BackendOf(*pool, wanted.name); found != nullptr) return found;
  return absl::NotFoundError(absl::StrCat(
      "in pool \"", wanted.pool, "\" ", NotThere("backend", wanted.name, NamesOf(pool->backends))));
}

absl::Status CheckWeight(uint32_t value) {
  const ConfigKey* weight = ConfigSchema().FindKey("pool.backend", "weight");
  KOI_CHECK(weight != nullptr);
  if (value >= weight->minimum && value <= weight->maximum) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("weight ", value, " is not ", Expectation(*weight)));
}

absl::Status CheckValues(const AddedBackend& backend) {
  KOI_RETURN_IF_ERROR(CheckWeight(backend.weight));
  if (IsName(backend.name)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", backend.name, "\" is no name: 1 to 31 letters, digits, \"_\", \".\" and \"-\""));
}

State Next(State state) {
  ++state.revision;
  return state;
}

}  // namespace

AppliedState ApplyState(const State& state, const Config& file) {
  AppliedState applied;
  applied.config = file;
  applied.state.revision = state.revision;
  // In this order: a backend of the file may be removed and another of its name added and drained.
  ApplyEach(state.removed, "removed", ApplyRemoved, applied.state.removed, applied);
  ApplyEach(
      state.added, "added",
      [](const AddedBackend& added, Config& config) { return Apply(added, config); },
      applied.state.added, applied);
  ApplyEach(state.draining, "drained", ApplyDraining, applied.state.draining, applied);
  ApplyEach(state.weighted, "weighted", ApplyWeight, applied.state.weighted, applied);
  return applied;
}

absl::StatusOr<State> WithAdded(const State& state, const Config& file, AddedBackend backend) {
  KOI_RETURN_IF_ERROR(CheckValues(backend));
  Config now = ApplyState(state, file).config;
  KOI_ASSIGN_OR_RETURN(PoolConfig * pool, FindPool(now, backend.pool));
  if (const BackendConfig* other = BackendOf(*pool, backend.name); other != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat("pool \"", backend.pool,
                                                 "\" already has a backend \"", backend.name,
                                                 "\", ", other->endpoint.ToString()));
  }
  if (const BackendConfig* other = AtEndpoint(*pool, backend.endpoint); other != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat("pool \"", backend.pool, "\" already has ",
                                                 backend.endpoint.ToString(), ", as backend \"",
                                                 other->name, "\""));
  }
  if (!HasRoom(now, *pool)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", MaxBackends(*pool), " backends, as many as there may be"));
  }
  KOI_RETURN_IF_ERROR(CheckL4Address(now, *pool, backend.endpoint.address));
  State next = Next(state);
  const auto removed = OfBackend(next.removed, backend.pool, backend.name);
  if (removed != next.removed.end()) {
    // One of the file that comes back as it was is simply not removed any more.
    Config from_file = file;
    const BackendConfig* was = BackendOf(*PoolOf(from_file, backend.pool), backend.name);
    if (was != nullptr && was->endpoint == backend.endpoint && was->weight == backend.weight) {
      next.removed.erase(removed);
      return next;
    }
  }
  next.added.push_back(std::move(backend));
  return next;
}

absl::StatusOr<State> WithRemoved(const State& state, const Config& file, NotedBackend backend) {
  Config now = ApplyState(state, file).config;
  KOI_RETURN_IF_ERROR(FindBackend(now, backend).status());
  State next = Next(state);
  const auto draining = OfBackend(next.draining, backend.pool, backend.name);
  if (draining != next.draining.end()) next.draining.erase(draining);
  const auto weighted = OfBackend(next.weighted, backend.pool, backend.name);
  if (weighted != next.weighted.end()) next.weighted.erase(weighted);
  const auto added = OfBackend(next.added, backend.pool, backend.name);
  if (added != next.added.end()) {
    next.added.erase(added);
  } else {
    next.removed.push_back(std::move(backend));
  }
  return next;
}

absl::StatusOr<State> WithDraining(const State& state, const Config& file, NotedBackend backend) {
  Config now = ApplyState(state, file).config;
  KOI_ASSIGN_OR_RETURN(const BackendConfig* found, FindBackend(now, backend));
  if (found->draining) return state;
  State next = Next(state);
  next.draining.push_back(std::move(backend));
  return next;
}

absl::StatusOr<State> WithoutDraining(const State& state, const Config& file,
                                      NotedBackend backend) {
  Config now = ApplyState(state, file).config;
  KOI_ASSIGN_OR_RETURN(const BackendConfig* found, FindBackend(now, backend));
  if (!found->draining) return state;
  State next = Next(state);
  next.draining.erase(OfBackend(next.draining, backend.pool, backend.name));
  return next;
}

absl::StatusOr<State> WithWeight(const State& state, const Config& file, WeightedBackend backend) {
  KOI_RETURN_IF_ERROR(CheckWeight(backend.weight));
  Config now = ApplyState(state, file).config;
  KOI_ASSIGN_OR_RETURN(const BackendConfig* found,
                       FindBackend(now, {backend.pool, backend.name, {}}));
  if (found->weight == backend.weight) return state;
  State next = Next(state);
  const auto before = OfBackend(next.weighted, backend.pool, backend.name);
  if (before != next.weighted.end()) next.weighted.erase(before);
  // Where that is its weight anyway nothing is to be remembered.
  Config without = ApplyState(next, file).config;
  KOI_ASSIGN_OR_RETURN(const BackendConfig* plain,
                       FindBackend(without, {backend.pool, backend.name, {}}));
  if (plain->weight != backend.weight) next.weighted.push_back(std::move(backend));
  return next;
}

}  // namespace koi
