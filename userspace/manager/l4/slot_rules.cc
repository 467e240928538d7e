// SPDX-License-Identifier: Apache-2.0
// The life of a slot: at rest, moved, at rest again.
#include "manager/l4/slot_rules.h"

#include <netinet/in.h>

#include <algorithm>

namespace koi {
namespace {

// Nobody is there (0), or it answers nobody.
bool IsLost(uint16_t backend, const SlotRules& rules) { return (*rules.down)[backend]; }

SlotStep PlanFromRest(const RingSlot& slot, uint16_t wanted, const SlotRules& rules) {
  const bool lost = IsLost(slot.current, rules);
  // Those who were there are to follow, all of them: so there is nothing to remember.
  if (slot.current == 0 || (lost && rules.flows_leave_down_backends)) {
    return {.slot = {.current = wanted, .epoch = slot.epoch}};
  }
  SlotStep step{.slot = {.current = slot.current,
                         .previous = slot.current,
                         .epoch = static_cast<uint16_t>(slot.epoch + 1),
                         .moved = true},
                .leaves_rest = true};
  // A SYN on its way has no entry. Sent again, it is to get one for the backend it was sent to
  // first: so for as long as that may come `current` stays. A backend that is down answers none.
  if (lost) {
    step.slot.current = wanted;
  } else {
    step.again = rules.now + rules.handshake;
  }
  return step;
}

}  // namespace

SlotStep PlanSlot(const RingSlot& slot, TimePoint left_rest, uint16_t wanted,
                  const SlotRules& rules) {
  if (!slot.moved) {
    return slot.current == wanted ? SlotStep{.slot = slot} : PlanFromRest(slot, wanted, rules);
  }
  SlotStep step{.slot = slot};
  if (slot.current != wanted) {
    const TimePoint settled = left_rest + rules.handshake;
    if (IsLost(slot.current, rules) || rules.now >= settled) {
      step.slot.current = wanted;
    } else {
      step.again = settled;
    }
  }
  const bool follow = rules.flows_leave_down_backends || slot.previous == 0;
  if (follow && IsLost(slot.previous, rules)) step.slot.previous = step.slot.current;
  return step;
}

bool MayRest(const RingSlot& slot, const SlotUse& use, TimePoint since, Duration idle) {
  if (!slot.moved || use.entry_elsewhere) return false;
  if (slot.previous == slot.current) return true;
  const TimePoint used = std::max(use.times.previous_used, use.times.left_rest);
  return !use.previous_may_gain && used + kFlowTimeGrain + idle < since;
}

bool IsDead(const Flow& flow, const RingSlot& slot, TimePoint now, const IdleTimes& idle) {
  if (!slot.moved || flow.epoch != slot.epoch) return true;
  const Duration life = flow.protocol == IPPROTO_UDP ? idle.udp : idle.tcp;
  return flow.used + kFlowTimeGrain + life < now;
}

}  // namespace koi
