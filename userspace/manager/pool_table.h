// SPDX-License-Identifier: Apache-2.0
// The backends of all pools in the map koi_backends, made what the configuration (with the CLI's
// changes in it) says.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "config/config.h"
#include "dataplane/backend_map.h"

namespace koi {

// Whoever checks health, or sends to backends, follows the table.
class PoolTableObserver {
 public:
  virtual ~PoolTableObserver() = default;
  // The backend is in the table, to be checked like this; also said of one that was there before.
  virtual void BackendPresent(const BackendEntry& backend, const CheckConfig& check) = 0;
  virtual void BackendRemoved(const BackendEntry& backend) = 0;
  // Something that ListAll() tells may be another.
  virtual void BackendsChanged() {}
};

class PoolTable {
 public:
  // Whether nobody has to do with the backend that had this number before any more.
  using MayReuse = std::function<bool(uint32_t number)>;

  PoolTable(BackendMap map, PoolTableObserver& observer, MayReuse may_reuse)
      : map_(std::move(map)), observer_(observer), may_reuse_(std::move(may_reuse)) {}

  // A change is made in two halves, so that nobody is left without a backend in between: first what
  // is new is added (another address is another backend), then, once it was checked, what `pools`
  // do not have is removed. What is in both keeps its number, health and connections; weight, admin
  // state and origin are brought up to date by the second half. ResourceExhausted when there is no
  // number left.
  // A backend of an l4 pool only retires: it gets no new flow, and its number is its own until
  // nothing names it.
  absl::Status AddMissing(const std::vector<PoolConfig>& pools);
  void RemoveOthers(const std::vector<PoolConfig>& pools);

  // Whether every backend of `pools` is in the table and has been checked.
  bool AllChecked(const std::vector<PoolConfig>& pools) const;

  // Ignores a number that is free by now.
  void SetHealth(uint32_t number, BackendHealth health);

  // Frees the numbers of retired backends of which `unused` says that nothing names them.
  void FreeRetired(const MayReuse& unused);

  // nullopt when the number is free.
  std::optional<BackendEntry> Find(uint32_t number) const { return map_.Find(number); }
  // Those that have not retired.
  std::vector<BackendEntry> List() const;
  std::vector<BackendEntry> ListAll() const { return map_.List(); }
  void SetWay(const BackendEntry& backend, const BackendWay& way) { map_.SetWay(backend, way); }
  int map_fd() const { return map_.fd(); }

 private:
  BackendMap map_;
  PoolTableObserver& observer_;
  MayReuse may_reuse_;
  absl::flat_hash_set<uint32_t> retired_;
};

}  // namespace koi
