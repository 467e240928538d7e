// SPDX-License-Identifier: Apache-2.0
// One l4 pool's ring: made what its backends say, slot by slot, and brought back to rest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/time.h"
#include "dataplane/backend_map.h"
#include "dataplane/flow_map.h"
#include "dataplane/maglev.h"
#include "dataplane/ring_maps.h"
#include "manager/l4/backend_references.h"
#include "manager/l4/slot_rules.h"

namespace koi {

// What the configuration says of an l4 pool.
struct L4Pool {
  uint32_t number = 0;
  std::string name = {};
  uint32_t slots = 0;
  bool flows_leave_down_backends = true;
  bool only_udp = false;  // are all services that use it
  Duration slow_start = {};

  bool operator==(const L4Pool&) const = default;
};

// How long what takes, as koi_settings has it too.
struct L4Times {
  IdleTimes idle = {};
  Duration handshake = {};
  Duration full = {};
};

// What nobody needs to configure: SYNs are sent again after 1 and 3 s (RFC 6298), and an entry
// that could not be made is missed by nobody after the second of them.
constexpr Duration kL4Handshake = std::chrono::seconds(4);
constexpr Duration kL4Full = std::chrono::seconds(5);

class PoolKeeper {
 public:
  // `maps` and `references` outlive it.
  PoolKeeper(L4Pool pool, PoolRing ring, RingMaps& maps, BackendReferences& references,
             TimePoint now);
  ~PoolKeeper();
  PoolKeeper(const PoolKeeper&) = delete;
  PoolKeeper& operator=(const PoolKeeper&) = delete;

  const L4Pool& pool() const { return pool_; }
  const PoolRing& ring() const { return ring_; }
  uint32_t moved() const { return moved_; }

  // Of the same ring.
  void SetPool(const L4Pool& pool);
  // All of the pool, those that go included. Before the first call the ring stays as it is.
  void SetBackends(std::vector<BackendEntry> backends);
  // When there is something to do.
  TimePoint due() const { return due_; }
  // Does it. Fails only where memory for times is lacking; tried again later.
  absl::Status Advance(TimePoint now, const L4Times& times);

  // A look through koi_flows: all its entries of this pool, then what follows from them.
  void LookBegins();
  // Whether the entry is dead.
  bool Look(const Flow& flow, TimePoint now, const L4Times& times);
  void LookEnds(TimePoint begun, bool previous_may_gain, const L4Times& times);

 private:
  bool AwaitsChecks(TimePoint now) const;
  absl::Status ApplyWanted(TimePoint now, const L4Times& times);
  void Write(uint32_t slot, const RingSlot& before, const RingSlot& after);

  L4Pool pool_;
  PoolRing ring_;
  RingMaps& maps_;
  BackendReferences& references_;
  bool has_backends_ = false;
  std::vector<BackendEntry> backends_;
  std::vector<bool> down_;  // by number
  std::vector<MaglevBackend> wanted_backends_;
  std::vector<uint16_t> wanted_;  // by slot; empty: none for all
  TimePoint due_;
  const TimePoint first_checks_until_;
  bool empty_ = true;       // no slot has ever had a backend
  bool looked_at_ = false;  // a look began
  // No entry of an earlier pool of this number is left, which an epoch could bring back to life.
  bool clean_ = false;
  uint32_t moved_ = 0;
  // By slot, during a look: what changed since it began, and since the one before began; and which
  // have a live entry that does not name `current`.
  std::vector<bool> changed_;
  std::vector<bool> changed_before_;
  std::vector<bool> entry_elsewhere_;
};

}  // namespace koi
