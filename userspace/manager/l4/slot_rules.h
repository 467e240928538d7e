// SPDX-License-Identifier: Apache-2.0
// What becomes of one slot of a ring, so that no flow moves: koi-manager's half of the rules in
// include/koi/abi/ring.h. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "dataplane/flow_map.h"
#include "dataplane/ring_maps.h"

namespace koi {

// What a pool's slots have in common, at one moment.
struct SlotRules {
  TimePoint now = {};
  Duration handshake = {};                  // SYNs are sent again for so long
  bool flows_leave_down_backends = true;    // else they stay and wait for it
  const std::vector<bool>* down = nullptr;  // by number of the backend; 0 is
};

struct SlotStep {
  RingSlot slot = {};
  bool leaves_rest = false;                       // its times are to be written first
  std::optional<TimePoint> again = std::nullopt;  // when more is to be done, if nothing changes
};

// The next step of `slot` on its way to `wanted`. `left_rest` counts only if it is moved.
SlotStep PlanSlot(const RingSlot& slot, TimePoint left_rest, uint16_t wanted,
                  const SlotRules& rules);

// What koi_flows and the clock said of a moved slot.
struct SlotUse {
  RingSlotTimes times = {};
  bool entry_elsewhere = false;    // a live entry names another backend than `current`
  bool previous_may_gain = false;  // entries that name `previous` may just have been made
};

// Whether a moved slot, which is what it should be, may rest: all that it did, `current` alone does
// too. `since` is before the look at koi_flows; `idle` is how long a flow lives without a packet.
bool MayRest(const RingSlot& slot, const SlotUse& use, TimePoint since, Duration idle);

// How long flows live without a packet.
struct IdleTimes {
  Duration tcp = {};
  Duration udp = {};
};

// Whether an entry of the slot counts for nothing any more.
bool IsDead(const Flow& flow, const RingSlot& slot, TimePoint now, const IdleTimes& idle);

}  // namespace koi
