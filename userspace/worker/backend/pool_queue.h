// SPDX-License-Identifier: Apache-2.0
// Who waits for a backend of a pool, since all of them have as many connections as they may have.
#pragma once

#include <cstdint>
#include <list>

#include "base/time.h"
#include "dataplane/worker_map.h"
#include "net/event_loop.h"
#include "worker/backend/all_workers.h"
#include "worker/waker.h"

namespace koi {

// First in, first out. The first one is woken every kQueueLookInterval, since another worker may
// have left a place, and at once when this worker has left one. Whoever is woken tries to get a
// place and leaves; if it does, the next one is woken.
class PoolQueue {
 public:
  // A place in the queue, from Join() until it leaves or is destroyed.
  class Waiter {
   public:
    explicit Waiter(Waker& owner) : owner_(owner) {}
    Waiter(const Waiter&) = delete;
    ~Waiter() { Leave(); }

    bool waiting() const { return queue_ != nullptr; }
    bool first() const { return waiting() && queue_->waiters_.front() == this; }
    TimePoint since() const { return since_; }
    void Leave();

   private:
    friend class PoolQueue;
    Waker& owner_;
    PoolQueue* queue_ = nullptr;
    std::list<Waiter*>::iterator place_ = {};
    uint64_t ticket_ = 0;
    TimePoint since_ = {};
  };

  PoolQueue(EventLoop& loop, Counters counters, const AllWorkers& others)
      : loop_(loop), counters_(counters), others_(others) {}

  const Counters& counters() const { return counters_; }
  // From now on.
  void CountAs(Counters counters);
  // Whether one that comes now has to wait its turn, though a place may be free: behind those that
  // wait here, or for those that wait at other workers, once this one has taken a few in a row.
  bool MustWait() const;
  // False when `limit` wait already, over all workers.
  bool Join(Waiter& waiter, uint64_t limit);
  // A place was taken, or left.
  void Taken() { ++taken_in_row_; }
  void Freed();

 private:
  void LookIn(Duration delay);
  void Look();

  EventLoop& loop_;
  Counters counters_;
  const AllWorkers& others_;
  std::list<Waiter*> waiters_;
  uint64_t last_ticket_ = 0;
  uint32_t taken_in_row_ = 0;  // without the others having had a turn
  EventLoop::Timer timer_;
};

}  // namespace koi
