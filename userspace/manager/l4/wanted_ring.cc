// SPDX-License-Identifier: Apache-2.0
// Weights of usable backends.
#include "manager/l4/wanted_ring.h"

#include <algorithm>

namespace koi {
namespace {

constexpr int64_t kSteps = 4;
// Who comes up together with the first, as at a start, starts at once: nobody else has their share.
constexpr Duration kTogether = std::chrono::seconds(5);

}  // namespace

WantedRing WantedOf(const std::vector<BackendEntry>& entries, Duration slow_start, TimePoint now) {
  TimePoint first = TimePoint::max();
  for (const BackendEntry& entry : entries) {
    if (entry.usable()) first = std::min(first, entry.up_since);
  }
  WantedRing wanted;
  for (const BackendEntry& entry : entries) {
    if (!entry.usable()) continue;
    int64_t step = kSteps;
    if (slow_start > Duration::zero() && entry.up_since > first + kTogether) {
      const Duration up = std::max(now - entry.up_since, Duration::zero());
      step = std::min<int64_t>(up * kSteps / slow_start + 1, kSteps);
      if (step < kSteps) {
        wanted.until = std::min(wanted.until, entry.up_since + slow_start * step / kSteps);
      }
    }
    // Only ratios count: so nobody's share is lost in rounding.
    wanted.backends.push_back({.name = entry.name,
                               .weight = entry.weight * static_cast<uint32_t>(step),
                               .number = static_cast<uint16_t>(entry.number)});
  }
  return wanted;
}

}  // namespace koi
