// SPDX-License-Identifier: Apache-2.0
// Pending timers, whatever their number at the cost of one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace koi {

// Four wheels of 64 slots, each turning 64 times slower than the one before: a slot of the first is
// a millisecond. A timer lies in the slot of its time and moves to a faster wheel as that comes
// near; adding and cancelling take no search. Pure: told what time it is.
class TimerWheel {
  struct Node;

 public:
  using Callback = std::function<void()>;

  // A pending one-shot timer. Destroying it cancels it. May be restarted from its own callback.
  // One that outlives the wheel is pending no longer.
  class Timer {
   public:
    Timer() = default;
    Timer(Timer&& other) noexcept { *this = std::move(other); }
    Timer& operator=(Timer&& other) noexcept;
    ~Timer() { Cancel(); }

    void Cancel();
    bool pending() const { return node_ != nullptr; }

   private:
    friend class TimerWheel;
    Node* node_ = nullptr;
  };

  explicit TimerWheel(TimePoint now) : now_(now), tick_(TickOf(now)) {}
  TimerWheel(const TimerWheel&) = delete;
  ~TimerWheel();

  // Calls `callback` in the first Expire() that comes at `when` or later; never in the one that
  // runs, also where `when` is past.
  Timer Add(TimePoint when, Callback callback);

  // Runs what is due, in the order of times; equal ones in the order they were added. A timer is
  // less than a millisecond late by itself. Callbacks may add and cancel.
  void Expire(TimePoint now);

  // When to call Expire() next; TimePoint::max(): nothing is pending. It may then find nothing due
  // yet, when what comes next is far away.
  TimePoint Next() const;

 private:
  friend class Timer;
  static constexpr size_t kWheels = 4;
  static constexpr uint64_t kSlots = 64;

  static uint64_t TickOf(TimePoint time);
  void Place(Node* node);
  void Link(Node* node, size_t wheel, size_t slot);
  void Unlink(Node* node);
  // Takes out of `wheel` what lies in the slots that are reached at `tick`.
  void Collect(size_t wheel, uint64_t tick, Node*& taken);

  TimePoint now_;  // of the last Expire()
  uint64_t tick_;  // what is due at it or before has been run
  uint64_t added_ = 0;
  std::array<std::array<Node*, kSlots>, kWheels> slots_ = {};
  std::array<uint64_t, kWheels> occupied_ = {};  // a bit a slot
  Node* late_ = nullptr;                         // were past when they were added
  std::vector<Node*> running_;                   // by Expire(); nullptr: cancelled meanwhile
};

}  // namespace koi
