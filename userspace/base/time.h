// SPDX-License-Identifier: Apache-2.0
// The one clock: CLOCK_MONOTONIC, in nanoseconds, the same that BPF programs read.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace koi {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

inline TimePoint Now() { return std::chrono::steady_clock::now(); }

// Of the last tick of the kernel: what programs read by bpf_ktime_get_coarse_ns, so never later
// than what one of them has read before.
TimePoint CoarseNow();

// Nanoseconds of CLOCK_MONOTONIC, as the maps hold them.
inline uint64_t ToNanoseconds(TimePoint time) {
  return static_cast<uint64_t>(time.time_since_epoch().count());
}
inline TimePoint FromNanoseconds(uint64_t ns) { return TimePoint(Duration(ns)); }

inline int64_t ToMilliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// "350ms", "2.5s", "4m10s": for people.
std::string FormatDuration(Duration duration);

}  // namespace koi
