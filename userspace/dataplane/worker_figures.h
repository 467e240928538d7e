// SPDX-License-Identifier: Apache-2.0
// What is counted of a worker, or of what it does for one service, pool or backend: a plain copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace koi {

constexpr size_t kLatencyBuckets = 23;
constexpr size_t kResponseClasses = 5;  // 1xx to 5xx

// How often something took how long.
struct LatencyFigures {
  uint64_t sum_us = 0;
  std::array<uint64_t, kLatencyBuckets> buckets = {};

  // What bucket `index` holds took less than this; the last one's has no limit.
  static uint64_t LimitUs(size_t index) { return uint64_t{16} << index; }
  uint64_t count() const {
    uint64_t count = 0;
    for (const uint64_t bucket : buckets) count += bucket;
    return count;
  }
  LatencyFigures& operator+=(const LatencyFigures& other);
};

// See include/koi/abi/worker.h.
struct WorkerFigures {
  TimePoint heartbeat;
  uint32_t pid = 0;
  uint32_t incarnation = 0;
  uint64_t connections = 0;
  uint64_t connections_total = 0;
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t accepted = 0;
  uint64_t misplaced = 0;
  uint64_t handshakes = 0;
  uint64_t handshakes_tls13 = 0;
  uint64_t handshakes_resumed = 0;
  uint64_t handshake_failures = 0;
  std::array<uint64_t, kResponseClasses> responses = {};
  uint64_t queued = 0;
  uint64_t queue_full = 0;
  uint64_t queue_timeouts = 0;
  uint64_t retries = 0;
  uint64_t cut = 0;
  uint64_t log_dropped = 0;
  LatencyFigures setup = {};
  LatencyFigures queue = {};
  LatencyFigures response = {};
  LatencyFigures total = {};

  // Adds up what is counted; heartbeat, pid and incarnation stay.
  WorkerFigures& operator+=(const WorkerFigures& other);
};

}  // namespace koi
