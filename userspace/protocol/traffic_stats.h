// SPDX-License-Identifier: Apache-2.0
// What statistics say of many requests at once: how long they took, how they were answered.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace koi {

// A histogram. What a bucket holds took less than its LimitUs() and no less than that of the one
// before; the last one's has no limit.
struct LatencyStats {
  uint64_t count = 0;
  uint64_t sum_us = 0;
  std::vector<uint64_t> buckets = {};

  static uint64_t LimitUs(size_t bucket) { return uint64_t{16} << bucket; }
  // What `percent` of them took at most, as exactly as the buckets tell; 0 where there is none.
  uint64_t PercentileUs(unsigned percent) const;
};

// Responses by the class of their status, 1xx to 5xx.
struct ResponseStats {
  std::array<uint64_t, 5> by_class = {};

  ResponseStats& operator+=(const ResponseStats& other) {
    for (size_t i = 0; i < by_class.size(); ++i) by_class[i] += other.by_class[i];
    return *this;
  }
};

}  // namespace koi
