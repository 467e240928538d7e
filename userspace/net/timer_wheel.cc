// SPDX-License-Identifier: Apache-2.0
// Slots of linked timers.
#include "net/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace koi {
namespace {

constexpr uint64_t kNanosecondsPerTick = 1'000'000;
constexpr size_t kSlotBits = 6;

// Where a timer lies that is in no slot.
constexpr size_t kLate = 100;
constexpr size_t kRunning = 101;

}  // namespace

struct TimerWheel::Node {
  TimerWheel* wheel;
  Timer* owner;
  TimePoint when;
  uint64_t order;
  Node* next;
  Node* previous;
  size_t in_wheel;  // or kLate, kRunning
  size_t slot;      // kRunning: its index there
  Callback callback;
};

TimerWheel::Timer& TimerWheel::Timer::operator=(Timer&& other) noexcept {
  if (this == &other) return *this;
  Cancel();
  node_ = std::exchange(other.node_, nullptr);
  if (node_ != nullptr) node_->owner = this;
  return *this;
}

void TimerWheel::Timer::Cancel() {
  if (node_ == nullptr) return;
  if (node_->in_wheel == kRunning) {
    node_->wheel->running_[node_->slot] = nullptr;
  } else {
    node_->wheel->Unlink(node_);
  }
  delete node_;
  node_ = nullptr;
}

TimerWheel::~TimerWheel() {
  const auto drop = [](Node* node) {
    while (node != nullptr) {
      node->owner->node_ = nullptr;
      delete std::exchange(node, node->next);
    }
  };
  for (auto& wheel : slots_) {
    for (Node* first : wheel) drop(first);
  }
  drop(late_);
}

// The last whole tick at `time`.
uint64_t TimerWheel::TickOf(TimePoint time) { return ToNanoseconds(time) / kNanosecondsPerTick; }

TimerWheel::Timer TimerWheel::Add(TimePoint when, Callback callback) {
  Timer timer;
  auto* node = new Node{.wheel = this,
                        .owner = nullptr,
                        .when = when,
                        .order = ++added_,
                        .next = nullptr,
                        .previous = nullptr,
                        .in_wheel = 0,
                        .slot = 0,
                        .callback = std::move(callback)};
  Place(node);
  timer.node_ = node;
  node->owner = &timer;
  return timer;
}

void TimerWheel::Place(Node* node) {
  if (node->when <= now_) return Link(node, kLate, 0);
  const uint64_t nanoseconds = ToNanoseconds(node->when);
  const uint64_t due = (nanoseconds + kNanosecondsPerTick - 1) / kNanosecondsPerTick;
  // Beyond the last wheel's turn it lies in its last slot and is placed again from there.
  constexpr uint64_t kFarthest = (uint64_t{1} << (kSlotBits * kWheels)) - 1;
  const uint64_t distance = std::min(due - tick_, kFarthest);
  const auto wheel = static_cast<size_t>(std::bit_width(distance) - 1) / kSlotBits;
  Link(node, wheel, ((tick_ + distance) >> (kSlotBits * wheel)) % kSlots);
}

void TimerWheel::Link(Node* node, size_t wheel, size_t slot) {
  Node*& first = wheel == kLate ? late_ : slots_[wheel][slot];
  node->in_wheel = wheel;
  node->slot = slot;
  node->previous = nullptr;
  node->next = first;
  if (first != nullptr) first->previous = node;
  first = node;
  if (wheel != kLate) occupied_[wheel] |= uint64_t{1} << slot;
}

void TimerWheel::Unlink(Node* node) {
  const bool late = node->in_wheel == kLate;
  Node*& first = late ? late_ : slots_[node->in_wheel][node->slot];
  (node->previous == nullptr ? first : node->previous->next) = node->next;
  if (node->next != nullptr) node->next->previous = node->previous;
  if (!late && first == nullptr) occupied_[node->in_wheel] &= ~(uint64_t{1} << node->slot);
}

void TimerWheel::Collect(size_t wheel, uint64_t tick, Node*& taken) {
  const uint64_t before = tick_ >> (kSlotBits * wheel);
  const uint64_t steps = std::min((tick >> (kSlotBits * wheel)) - before, kSlots);
  for (uint64_t step = 1; step <= steps && occupied_[wheel] != 0; ++step) {
    const size_t slot = (before + step) % kSlots;
    while (Node* node = slots_[wheel][slot]) {
      Unlink(node);
      node->next = taken;
      taken = node;
    }
  }
}

void TimerWheel::Expire(TimePoint now) {
  now_ = std::max(now, now_);
  const uint64_t tick = TickOf(now_);
  Node* taken = nullptr;
  while (late_ != nullptr) {
    Node* node = late_;
    Unlink(node);
    node->next = std::exchange(taken, node);
  }
  for (size_t wheel = 0; wheel < kWheels; ++wheel) Collect(wheel, tick, taken);
  tick_ = tick;
  while (taken != nullptr) {
    Node* node = std::exchange(taken, taken->next);
    if (node->when <= now_) {
      running_.push_back(node);
    } else {
      Place(node);  // on a faster wheel
    }
  }
  if (running_.empty()) return;
  std::sort(running_.begin(), running_.end(), [](const Node* a, const Node* b) {
    return a->when != b->when ? a->when < b->when : a->order < b->order;
  });
  for (size_t i = 0; i < running_.size(); ++i) {
    running_[i]->in_wheel = kRunning;
    running_[i]->slot = i;
  }
  for (size_t i = 0; i < running_.size(); ++i) {
    Node* node = running_[i];
    if (node == nullptr) continue;
    node->owner->node_ = nullptr;
    const Callback callback = std::move(node->callback);
    delete node;
    callback();
  }
  running_.clear();
}

TimePoint TimerWheel::Next() const {
  if (late_ != nullptr) return FromNanoseconds(tick_ * kNanosecondsPerTick);
  uint64_t next = UINT64_MAX;
  for (size_t wheel = 0; wheel < kWheels; ++wheel) {
    if (occupied_[wheel] == 0) continue;
    // Slots ahead of the one that the wheel stands at, which itself comes last.
    const uint64_t at = tick_ >> (kSlotBits * wheel);
    const uint64_t ahead = std::rotr(occupied_[wheel], static_cast<int>((at + 1) % kSlots));
    const uint64_t slot = at + 1 + static_cast<uint64_t>(std::countr_zero(ahead));
    next = std::min(next, slot << (kSlotBits * wheel));
  }
  return next == UINT64_MAX ? TimePoint::max() : FromNanoseconds(next * kNanosecondsPerTick);
}

}  // namespace koi
