// SPDX-License-Identifier: Apache-2.0
// Who of a pool should have slots, and how many, at one moment. Pure.
#pragma once

#include <vector>

#include "base/time.h"
#include "dataplane/backend_map.h"
#include "dataplane/maglev.h"

namespace koi {

struct WantedRing {
  std::vector<MaglevBackend> backends = {};
  TimePoint until = TimePoint::max();  // when a slow start goes on
};

// Of `entries`, all of one pool, those that are usable. One that came up after the others gets its
// share within `slow_start`, in few steps: each is a change of the ring.
WantedRing WantedOf(const std::vector<BackendEntry>& entries, Duration slow_start, TimePoint now);

}  // namespace koi
