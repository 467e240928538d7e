// SPDX-License-Identifier: Apache-2.0
// Reading histograms.
#include "protocol/traffic_stats.h"

namespace koi {

uint64_t LatencyStats::PercentileUs(unsigned percent) const {
  const uint64_t rank = (count * percent + 99) / 100;
  uint64_t below = 0;
  for (size_t i = 0; i < buckets.size() && rank > 0; ++i) {
    if (below + buckets[i] < rank) {
      below += buckets[i];
      continue;
    }
    // As if those of a bucket were spread evenly over it.
    const uint64_t from = i == 0 ? 0 : LimitUs(i - 1);
    return from + (LimitUs(i) - from) * (rank - below) / buckets[i];
  }
  return 0;
}

}  // namespace koi
