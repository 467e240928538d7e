// SPDX-License-Identifier: Apache-2.0
// Whether a client sends or takes a body at a pace worth waiting for.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace koi {

// Only time counts in which nobody but the client is waited for: a slow backend is not its fault.
// Of that it may let `patience` pass without a byte, and all in all `patience` and a second for
// each `bytes_per_second` bytes that it has moved: who sends a byte now and then is not waited for.
class Pace {
 public:
  // No rate where `bytes_per_second` is 0.
  Pace(Duration patience, uint32_t bytes_per_second)
      : patience_(patience), bytes_per_second_(bytes_per_second) {}

  // To be told whenever something may have changed: whether the client is waited for, from now on,
  // and how many bytes it has moved in all.
  void Note(TimePoint now, bool waiting, uint64_t bytes) {
    if (waiting_) waited_ += now - noted_;
    if (!waiting_ || bytes != bytes_) progress_ = now;
    noted_ = now;
    waiting_ = waiting;
    bytes_ = bytes;
  }

  // Until when it is worth waiting; only while it is waited for.
  TimePoint due() const {
    const TimePoint next_byte = progress_ + patience_;
    if (bytes_per_second_ == 0) return next_byte;
    const Duration earned = std::chrono::seconds(bytes_ / bytes_per_second_);
    return std::min(next_byte, noted_ + patience_ + earned - waited_);
  }

 private:
  Duration patience_;
  uint32_t bytes_per_second_;
  bool waiting_ = false;
  TimePoint noted_;
  TimePoint progress_;
  Duration waited_ = Duration::zero();
  uint64_t bytes_ = 0;
};

}  // namespace koi
