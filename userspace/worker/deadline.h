// SPDX-License-Identifier: Apache-2.0
// A deadline that is moved with every bit of progress.
#pragma once

#include <functional>
#include <utility>

#include "net/event_loop.h"

namespace koi {

// Moving it later costs no timer: when the old time comes, it looks again.
class Deadline {
 public:
  // `expired` is called at the deadline, once for each time set; it may destroy this.
  Deadline(EventLoop& loop, std::function<void()> expired)
      : loop_(loop), expired_(std::move(expired)) {}

  void Set(Duration from_now) {
    when_ = loop_.now() + from_now;
    if (!armed_ || when_ < armed_for_) Arm();
  }
  void Cancel() {
    timer_.Cancel();
    armed_ = false;
  }

 private:
  void Arm() {
    armed_ = true;
    armed_for_ = when_;
    timer_ = loop_.At(when_, [this] { Due(); });
  }
  void Due() {
    armed_ = false;
    if (loop_.now() < when_) return Arm();
    const std::function<void()> expired = expired_;  // lives on when this does not
    expired();
  }

  EventLoop& loop_;
  std::function<void()> expired_;
  EventLoop::Timer timer_;
  TimePoint when_;
  TimePoint armed_for_;
  bool armed_ = false;
};

}  // namespace koi
