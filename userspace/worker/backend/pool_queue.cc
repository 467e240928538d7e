// SPDX-License-Identifier: Apache-2.0
// Joining, leaving, looking.
#include "worker/backend/pool_queue.h"

#include <atomic>

#include "worker/limits.h"

namespace koi {

void PoolQueue::Waiter::Leave() {
  if (queue_ == nullptr) return;
  queue_->waiters_.erase(place_);
  queue_->counters_.QueueEnds();
  queue_ = nullptr;
}

void PoolQueue::CountAs(Counters counters) {
  if (counters.incarnation() == counters_.incarnation()) return;
  for (size_t i = 0; i < waiters_.size(); ++i) {
    counters_.QueueEnds();
    counters.QueueBegins();
  }
  counters_ = counters;
}

bool PoolQueue::MustWait() const {
  return !waiters_.empty() || (taken_in_row_ >= kPlacesInRow && others_.Queued(counters_) > 0);
}

// Raised first and taken back where it is too much, like a backend's connections.
bool PoolQueue::Join(Waiter& waiter, uint64_t limit) {
  counters_.QueueBegins();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // One that is not counted, since its pool's number is too high, is limited by itself.
  const uint64_t own = counters_.valid() ? counters_.queued() : waiters_.size() + 1;
  if (own + others_.Queued(counters_) > limit) {
    counters_.QueueEnds();
    counters_.QueueFull();
    return false;
  }
  waiter.queue_ = this;
  waiter.ticket_ = ++last_ticket_;
  waiter.since_ = loop_.now();
  waiter.place_ = waiters_.insert(waiters_.end(), &waiter);
  if (taken_in_row_ >= kPlacesInRow) taken_in_row_ = 0;  // the others look before this one does
  if (!timer_.pending()) LookIn(kQueueLookInterval);
  return true;
}

// A worker that always took what it has just left would leave nothing to those that wait at
// others: after a few it lets them look first.
void PoolQueue::Freed() {
  if (waiters_.empty()) return;
  if (taken_in_row_ < kPlacesInRow || others_.Queued(counters_) == 0) {
    return LookIn(Duration::zero());
  }
  taken_in_row_ = 0;
  LookIn(kQueueLookInterval);
}

void PoolQueue::LookIn(Duration delay) {
  timer_ = loop_.At(loop_.now() + delay, [this] { Look(); });
}

void PoolQueue::Look() {
  while (!waiters_.empty()) {
    const uint64_t ticket = waiters_.front()->ticket_;
    waiters_.front()->owner_.Wake();  // it may be gone afterwards
    if (!waiters_.empty() && waiters_.front()->ticket_ == ticket) break;
  }
  if (!waiters_.empty() && !timer_.pending()) LookIn(kQueueLookInterval);
}

}  // namespace koi
