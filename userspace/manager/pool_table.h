// SPDX-License-Identifier: Apache-2.0
// The backends of all pools: what the configuration names and what the CLI changed, kept in the map
// koi_backends alone, so that a manager that starts anew finds it there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "config/config.h"
#include "dataplane/backend_map.h"

namespace koi {

// What Reconcile() and the changes below did to a backend; whoever checks health follows it.
class PoolTableObserver {
 public:
  virtual ~PoolTableObserver() = default;
  virtual void BackendAdded(const BackendEntry& backend) = 0;
  virtual void BackendRemoved(const BackendEntry& backend) = 0;
};

class PoolTable {
 public:
  // Whether no worker has a connection to the backend that had this number before.
  using MayReuse = std::function<bool(uint32_t number)>;

  PoolTable(BackendMap map, std::vector<PoolConfig> pools, PoolTableObserver& observer,
            MayReuse may_reuse)
      : map_(std::move(map)),
        pools_(std::move(pools)),
        observer_(observer),
        may_reuse_(std::move(may_reuse)) {}

  // Makes the map hold the configured backends and those that the CLI added to pools that still
  // exist. What stays the same keeps its number, health and admin state. Reports every backend that
  // is there afterwards as added.
  absl::Status Reconcile();

  // NotFound names the pools or backends there are, with the nearest. AlreadyExists when the pool
  // has the name.
  absl::StatusOr<BackendEntry> Add(absl::string_view pool, absl::string_view name,
                                   const Endpoint& endpoint, uint32_t weight);
  absl::StatusOr<BackendEntry> SetAdmin(absl::string_view pool, absl::string_view name,
                                        BackendAdmin admin);
  absl::StatusOr<BackendEntry> Remove(absl::string_view pool, absl::string_view name);

  // Ignores a number that is free by now.
  void SetHealth(uint32_t number, BackendHealth health);

  std::vector<BackendEntry> List() const { return map_.List(); }
  const std::vector<PoolConfig>& pools() const { return pools_; }
  int map_fd() const { return map_.fd(); }

 private:
  absl::StatusOr<uint32_t> FindPool(absl::string_view name) const;
  absl::StatusOr<BackendEntry> Find(absl::string_view pool, absl::string_view name) const;
  const BackendConfig* Configured(const BackendEntry& entry) const;
  absl::StatusOr<BackendEntry> Insert(uint32_t pool, const BackendConfig& backend,
                                      BackendOrigin origin);

  BackendMap map_;
  std::vector<PoolConfig> pools_;
  PoolTableObserver& observer_;
  MayReuse may_reuse_;
};

}  // namespace koi
