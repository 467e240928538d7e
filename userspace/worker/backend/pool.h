// SPDX-License-Identifier: Apache-2.0
// A pool as connections use it: its backends, the places at them, the queue for one.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/types/span.h"
#include "worker/backend/pool_queue.h"
#include "worker/backend/pool_settings.h"
#include "worker/backend/pool_view.h"

namespace koi {

class Pool;

// A place at a backend: one of its connections in use, over all workers, until this ends. Whoever
// holds one may use one connection. An empty one holds nothing.
class BackendPlace {
 public:
  BackendPlace() = default;
  BackendPlace(Pool& pool, PoolView::Chosen chosen) : pool_(&pool), chosen_(std::move(chosen)) {}
  BackendPlace(BackendPlace&& other) noexcept { *this = std::move(other); }
  BackendPlace& operator=(BackendPlace&& other) noexcept {
    Leave();
    pool_ = std::exchange(other.pool_, nullptr);
    chosen_ = std::move(other.chosen_);
    return *this;
  }
  ~BackendPlace() { Leave(); }

  bool held() const { return pool_ != nullptr; }
  // Also after it was left.
  const PoolMember& member() const { return chosen_.member; }
  const Counters& counters() const { return chosen_.counters; }
  void Leave();

 private:
  Pool* pool_ = nullptr;
  PoolView::Chosen chosen_;
};

class Pool {
 public:
  enum class Entry {
    kEntered,
    kNoBackend,  // none usable that was not tried
    kFull,       // those usable have as many connections as they may have
  };

  // All must outlive it.
  Pool(EventLoop& loop, const BackendView& backends, WorkerCounters& counters,
       const AllWorkers& others, const PoolSettingsTable& settings, uint32_t number)
      : loop_(loop),
        settings_(settings),
        number_(number),
        worker_(counters),
        view_(backends, counters, others, number),
        queue_(loop, counters.Pool(number, told().name), others) {}
  Pool(const Pool&) = delete;

  // Whether it has no backend at all, usable or not.
  bool Empty() { return view_.Empty(); }
  const Counters& counters() const { return queue_.counters(); }
  std::shared_ptr<const PoolSettings> settings() const { return settings_.Find(number_); }
  const WorkerPool& told() const { return settings_.Find(number_)->told; }

  // The settings have changed: the number may be another pool's by now.
  void Reconsider() { queue_.CountAs(worker_.Pool(number_, told().name)); }

  // A place at the backend that is next, of those not in `tried`.
  Entry Enter(absl::Span<const uint32_t> tried, BackendPlace& place);
  // Whether one that comes now has to join the queue before it may Enter().
  bool MustWait() { return view_.Limited() && queue_.MustWait(); }
  // False, and counted, when as many wait as may.
  bool Join(PoolQueue::Waiter& waiter) { return queue_.Join(waiter, told().limits.queue); }

 private:
  friend class BackendPlace;
  EventLoop& loop_;
  const PoolSettingsTable& settings_;
  const uint32_t number_;
  WorkerCounters& worker_;
  PoolView view_;
  PoolQueue queue_;
};

}  // namespace koi
