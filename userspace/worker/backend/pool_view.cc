// SPDX-License-Identifier: Apache-2.0
// Balancing: by turns (smooth weighted round-robin), by load, by lot.
#include "worker/backend/pool_view.h"

#include <algorithm>
#include <atomic>

namespace koi {
namespace {

// So that a share of a weight of 1 can be less than it.
constexpr int64_t kWeightUnits = 256;
// What a slow start begins with, of the weight: enough to find out how the backend does.
constexpr int64_t kFirstShare = 32;
// What other workers do is summed this often: a backend is hardly freer for being asked more.
constexpr Duration kCountInterval = std::chrono::milliseconds(1);

}  // namespace

PoolView::Answer PoolView::Next(absl::Span<const uint32_t> tried, const Rules& rules,
                                TimePoint now) {
  Refresh();
  if (rules.balance != Balance::kRoundRobin) CountOthers(now);
  for (;;) {
    bool full = false;
    for (Candidate& candidate : candidates_) {
      const uint32_t number = candidate.member.number;
      candidate.possible = candidate.weight > 0 && backends_.Usable(number) &&
                           std::find(tried.begin(), tried.end(), number) == tried.end();
      if (!candidate.possible) continue;
      candidate.share = ShareOf(candidate, rules, now);
      if (!IsFull(candidate)) continue;
      candidate.possible = false;
      full = true;
    }
    Candidate* chosen = Choose(rules.balance);
    if (chosen == nullptr) return {.chosen = std::nullopt, .full = full};
    if (Enter(*chosen)) {
      return {.chosen = Chosen{chosen->member, chosen->counters}, .full = false};
    }
  }
}

bool PoolView::IsFull(const Candidate& candidate) const {
  return candidate.limit > 0 &&
         candidate.counters.connections() + others_.InUse(candidate.counters) >= candidate.limit;
}

// Raises this worker's count first, and takes it back where the sum is too high then: of two
// workers that do so at once at least one sees the other's, so the limit is never exceeded.
bool PoolView::Enter(const Candidate& candidate) const {
  const Counters& counters = candidate.counters;
  counters.Raise();
  if (candidate.limit > 0) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (counters.connections() + others_.InUse(counters) > candidate.limit) {
      counters.Lower();
      return false;
    }
  }
  counters.ConnectionBegan();
  return true;
}

PoolView::Candidate* PoolView::Choose(Balance balance) {
  switch (balance) {
    case Balance::kRoundRobin: break;
    case Balance::kLeastConnections: KeepFreest(); break;
    case Balance::kRandomTwo:
      KeepTwo();
      KeepFreest();
      break;
  }
  return ByTurns();
}

// Each gets its share, and the heavy ones not in a row.
PoolView::Candidate* PoolView::ByTurns() {
  Candidate* chosen = nullptr;
  int64_t turn = 0;
  for (Candidate& candidate : candidates_) {
    if (!candidate.possible) continue;
    candidate.credit += candidate.share;
    turn += candidate.share;
    if (chosen == nullptr || candidate.credit > chosen->credit) chosen = &candidate;
  }
  if (chosen != nullptr) chosen->credit -= turn;
  return chosen;
}

// Those that are equally free have their turns.
void PoolView::KeepFreest() {
  const Candidate* freest = nullptr;
  for (const Candidate& candidate : candidates_) {
    if (!candidate.possible) continue;
    if (freest == nullptr || IsFreer(candidate, *freest)) freest = &candidate;
  }
  if (freest == nullptr) return;
  for (Candidate& candidate : candidates_) {
    if (candidate.possible && IsFreer(*freest, candidate)) candidate.possible = false;
  }
}

// Two different ones, drawn by their shares.
void PoolView::KeepTwo() {
  Candidate* kept[2] = {nullptr, nullptr};
  for (Candidate*& keep : kept) {
    int64_t sum = 0;
    for (const Candidate& candidate : candidates_) {
      if (candidate.possible && &candidate != kept[0]) sum += candidate.share;
    }
    if (sum == 0) break;
    auto lot = static_cast<int64_t>(Random() % static_cast<uint64_t>(sum));
    for (Candidate& candidate : candidates_) {
      if (!candidate.possible || &candidate == kept[0]) continue;
      keep = &candidate;
      lot -= candidate.share;
      if (lot < 0) break;
    }
  }
  for (Candidate& candidate : candidates_) {
    candidate.possible = &candidate == kept[0] || &candidate == kept[1];
  }
}

uint64_t PoolView::Random() {
  if (random_ == 0) random_ = ToNanoseconds(Now()) | 1;  // no two workers draw alike
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_;
}

bool PoolView::IsFreer(const Candidate& one, const Candidate& other) const {
  return Load(one) * static_cast<uint64_t>(other.share) <
         Load(other) * static_cast<uint64_t>(one.share);
}

int64_t PoolView::ShareOf(const Candidate& candidate, const Rules& rules, TimePoint now) const {
  if (rules.slow_start <= Duration::zero()) return candidate.weight;
  const Duration up = now - backends_.UpSince(candidate.member.number);
  if (up >= rules.slow_start) return candidate.weight;
  // A time to come is one that a worker reads before its own clock has got there.
  const int64_t part = std::max<int64_t>(ToMilliseconds(up), 0) * candidate.weight /
                       std::max<int64_t>(ToMilliseconds(rules.slow_start), 1);
  return std::max(part, candidate.weight / kFirstShare);
}

void PoolView::CountOthers(TimePoint now) {
  if (now - counted_ < kCountInterval) return;
  counted_ = now;
  for (Candidate& candidate : candidates_) candidate.others = others_.InUse(candidate.counters);
}

void PoolView::Refresh() {
  // Read before the members: whoever comes meanwhile makes the next call read again.
  const uint32_t generation = backends_.generation();
  if (generation_ == generation) return;
  generation_ = generation;
  candidates_.clear();
  limited_ = false;
  counted_ = TimePoint();
  for (const uint32_t number : backends_.Members(pool_)) {
    const std::optional<BackendEntry> entry = backends_.Read(number);
    if (!entry.has_value() || entry->pool != pool_) continue;
    candidates_.push_back({.member = {number, entry->incarnation, entry->endpoint},
                           .counters = counters_.Backend(number, entry->incarnation),
                           .limit = entry->connections_max,
                           .weight = entry->weight * kWeightUnits});
    limited_ = limited_ || entry->connections_max > 0;
  }
}

}  // namespace koi
