// SPDX-License-Identifier: Apache-2.0
// Smooth weighted round-robin over what is usable now.
#include "worker/backend/pool_view.h"

#include <algorithm>

namespace koi {

std::optional<PoolMember> PoolView::Next(absl::Span<const uint32_t> tried) {
  Refresh();
  Candidate* chosen = nullptr;
  int64_t turn = 0;
  for (Candidate& candidate : candidates_) {
    const uint32_t number = candidate.member.number;
    if (candidate.weight == 0 || !backends_.Usable(number)) continue;
    if (std::find(tried.begin(), tried.end(), number) != tried.end()) continue;
    candidate.credit += candidate.weight;
    turn += candidate.weight;
    if (chosen == nullptr || candidate.credit > chosen->credit) chosen = &candidate;
  }
  if (chosen == nullptr) return std::nullopt;
  chosen->credit -= turn;
  return chosen->member;
}

void PoolView::Refresh() {
  // Read before the members: whoever comes meanwhile makes the next call read again.
  const uint32_t generation = backends_.generation();
  if (generation_ == generation) return;
  generation_ = generation;
  candidates_.clear();
  for (const uint32_t number : backends_.Members(pool_)) {
    const std::optional<BackendEntry> entry = backends_.Read(number);
    if (!entry.has_value() || entry->pool != pool_) continue;
    candidates_.push_back(
        {.member = {number, entry->incarnation, entry->endpoint}, .weight = entry->weight});
  }
}

}  // namespace koi
