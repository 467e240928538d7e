// SPDX-License-Identifier: Apache-2.0
// Which backends are still named by a ring or by an entry of koi_flows: their numbers may not be
// given to others. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/ring_maps.h"

namespace koi {

class BackendReferences {
 public:
  BackendReferences();

  // A slot of a ring is there, or no longer; a change is both.
  void Add(const RingSlot& slot) { Count(slot, +1); }
  void Remove(const RingSlot& slot) { Count(slot, -1); }

  // koi_flows is looked through again and again. An entry that was made just when a slot changed
  // may have been missed, so two looks must have begun after the last slot went.
  void LookBegins() { ++begun_; }
  void Seen(uint16_t backend) { seen_[backend] = begun_; }
  void LookEnds() { ended_ = begun_; }

  // Whether nothing names `backend`.
  bool Free(uint32_t backend) const;

 private:
  static constexpr uint64_t kLooks = 2;
  void Count(const RingSlot& slot, int by);
  void Count(uint16_t backend, int by);

  std::vector<int32_t> slots_;  // that name it, by number
  std::vector<uint64_t> left_;  // the look that had begun when the last slot left it
  std::vector<uint64_t> seen_;  // the last look that saw an entry that names it
  uint64_t begun_ = 0;
  uint64_t ended_ = 0;
};

}  // namespace koi
