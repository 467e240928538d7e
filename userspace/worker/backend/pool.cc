// SPDX-License-Identifier: Apache-2.0
// Taking and leaving places.
#include "worker/backend/pool.h"

namespace koi {

Pool::Entry Pool::Enter(absl::Span<const uint32_t> tried, BackendPlace& place) {
  const WorkerPool& pool = told();
  PoolView::Answer answer =
      view_.Next(tried, {.balance = pool.balance, .slow_start = pool.slow_start}, loop_.now());
  if (!answer.chosen.has_value()) return answer.full ? Entry::kFull : Entry::kNoBackend;
  queue_.Taken();
  place = BackendPlace(*this, *std::move(answer.chosen));
  return Entry::kEntered;
}

void BackendPlace::Leave() {
  if (pool_ == nullptr) return;
  chosen_.counters.ConnectionEnds();
  std::exchange(pool_, nullptr)->queue_.Freed();
}

}  // namespace koi
