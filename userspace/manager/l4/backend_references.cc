// SPDX-License-Identifier: Apache-2.0
// Counting.
#include "manager/l4/backend_references.h"

namespace koi {
namespace {

// All that a slot can name.
constexpr size_t kNumbers = 1 << 16;

}  // namespace

BackendReferences::BackendReferences() : slots_(kNumbers), left_(kNumbers), seen_(kNumbers) {}

void BackendReferences::Count(const RingSlot& slot, int by) {
  Count(slot.current, by);
  if (slot.moved) Count(slot.previous, by);
}

void BackendReferences::Count(uint16_t backend, int by) {
  slots_[backend] += by;
  if (slots_[backend] == 0) left_[backend] = begun_;
}

bool BackendReferences::Free(uint32_t backend) const {
  return slots_[backend] == 0 && ended_ >= left_[backend] + kLooks && seen_[backend] < ended_;
}

}  // namespace koi
