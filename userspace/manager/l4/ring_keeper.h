// SPDX-License-Identifier: Apache-2.0
// Keeps the rings of all l4 pools: what koi-manager does so that no flow moves. Whatever it
// remembers beside the maps only saves work: one that starts anew goes on from the maps.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "base/time.h"
#include "dataplane/backend_map.h"
#include "dataplane/flow_map.h"
#include "dataplane/ring_maps.h"
#include "manager/l4/backend_references.h"
#include "manager/l4/pool_keeper.h"

namespace koi {

struct RingFigures {
  uint32_t slots = 0;
  uint32_t moved = 0;  // slots that have changed and do not rest yet
};

struct FlowFigures {
  uint64_t entries = 0;  // live ones, at the last look
  uint64_t refused = 0;  // for want of room, since the maps were made
};

// Times are those of koi_xdp's clock: CoarseNow(), and the clock offset of koi_settings.
class RingKeeper {
 public:
  // It may be moved as long as it has no pools.
  RingKeeper(RingMaps maps, FlowMap flows) : maps_(std::move(maps)), flows_(std::move(flows)) {}

  void SetTimes(const L4Times& times) { times_ = times; }
  // A change is made in two halves, as one of the backends is: first rings that are new are made (a
  // pool whose number of slots is another gets a new one, and its flows may move), then those of
  // other pools removed, to which nothing leads any more.
  absl::Status AddMissing(const std::vector<L4Pool>& pools, TimePoint now);
  absl::Status RemoveOthers(const std::vector<L4Pool>& pools);
  bool has_pools() const { return !pools_.empty(); }
  // All of koi_backends, whenever something about them has changed. What is urgent is done by the
  // next Advance().
  void SetBackends(const std::vector<BackendEntry>& backends);

  // Does what is due, or a part of it, in a few milliseconds. When it wants to be called again, at
  // the latest.
  TimePoint Advance(TimePoint now);

  // Whether no slot and no flow names the backend: its number may be given to another.
  bool Free(uint32_t backend) const { return references_.Free(backend); }

  RingFigures Figures(uint32_t pool) const;
  FlowFigures Flows() const;
  // Live entries that name the backend, at the last look.
  uint64_t Entries(uint32_t backend) const;

 private:
  absl::Status AddPool(const L4Pool& pool, TimePoint now);
  PoolKeeper* Find(uint32_t pool);
  TimePoint AdvancePools(TimePoint now);
  bool LooksOn() const;
  bool LookIsDue(TimePoint now) const;
  void Look(TimePoint now);
  void EndLook();
  void Note(const absl::Status& status);

  RingMaps maps_;
  FlowMap flows_;
  L4Times times_;
  BackendReferences references_;
  absl::btree_map<uint32_t, std::unique_ptr<PoolKeeper>> pools_;  // by number

  // A look through koi_flows.
  bool looking_ = false;
  bool look_again_ = true;  // whatever there seems to be
  TimePoint look_began_ = {};
  FlowMap::Place place_;
  uint64_t live_ = 0;
  uint64_t entries_ = 0;                                // of the last look
  absl::flat_hash_map<uint32_t, uint64_t> live_of_;     // by backend
  absl::flat_hash_map<uint32_t, uint64_t> entries_of_;  // of the last look
  absl::Status noted_;
};

}  // namespace koi
