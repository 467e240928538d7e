// SPDX-License-Identifier: Apache-2.0
// Maps koi_rings and koi_slots: the arrays of each l4 pool, made, pinned and written. The pins are
// what a later manager finds, so they are made before the arrays are used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "base/time.h"
#include "dataplane/loader.h"

struct koi_slot;
struct koi_slot_times;

namespace koi {

// Backends by number; 0: none.
struct RingSlot {
  uint16_t current = 0;
  uint16_t previous = 0;  // while `moved`
  uint16_t epoch = 0;
  bool moved = false;

  bool operator==(const RingSlot&) const = default;
};

struct RingSlotTimes {
  TimePoint left_rest = {};
  TimePoint previous_used = {};
};

// One pool's arrays, mapped. koi_xdp reads while this writes: each call is one load or store.
class PoolRing {
 public:
  PoolRing(PoolRing&& other) noexcept;
  PoolRing& operator=(PoolRing&& other) noexcept;
  ~PoolRing();

  uint32_t slots() const { return slots_; }
  RingSlot Read(uint32_t slot) const;
  void Write(uint32_t slot, const RingSlot& value);

  // The array of times is made when it is first needed (RingMaps::MakeTimes()).
  bool has_times() const { return times_ != nullptr; }
  RingSlotTimes Times(uint32_t slot) const;
  // Seen by whoever sees a slot that is written afterwards.
  void WriteTimes(uint32_t slot, const RingSlotTimes& times);

 private:
  friend class RingMaps;
  PoolRing(uint32_t pool, std::string name, uint32_t slots, Fd ring_fd, koi_slot* ring)
      : pool_(pool),
        name_(std::move(name)),
        slots_(slots),
        ring_fd_(std::move(ring_fd)),
        ring_(ring) {}

  uint32_t pool_;
  std::string name_;
  uint32_t slots_;
  Fd ring_fd_;
  koi_slot* ring_;
  koi_slot_times* times_ = nullptr;
};

class RingMaps {
 public:
  // Of `object`, which outlives it.
  static absl::StatusOr<RingMaps> Open(const BpfObject& object);

  // The pool's pinned arrays, or a new one of slots at rest without a backend, pinned too. Those of
  // another number of slots are replaced. FailedPrecondition when what is pinned has another shape.
  absl::StatusOr<PoolRing> OpenRing(uint32_t pool, const std::string& name, uint32_t slots);
  // koi_xdp reads it from now on.
  absl::Status Publish(const PoolRing& ring);
  // Before a slot first leaves rest.
  absl::Status MakeTimes(PoolRing& ring);
  // The pool's number and name are free afterwards.
  absl::Status Remove(const PoolRing& ring);

  struct PoolName {
    uint32_t number = 0;
    std::string name = {};
  };
  // Removes the arrays of all other pools: of those that went while no manager looked.
  absl::Status RemoveOthers(const std::vector<PoolName>& pools);

 private:
  explicit RingMaps(const BpfObject& object) : object_(object) {}
  std::string PathOf(const char* folder, const std::string& name) const;
  absl::Status Put(int outer_fd, uint32_t pool, int inner_fd);
  absl::Status TakeOut(uint32_t pool, const std::string& name);

  const BpfObject& object_;
  Fd rings_fd_;
  Fd slots_fd_;
};

}  // namespace koi
