// SPDX-License-Identifier: Apache-2.0
// One pool's backends as a worker sees them, and whose turn it is.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/address.h"
#include "dataplane/backend_map.h"

namespace koi {

struct PoolMember {
  uint32_t number = 0;
  uint32_t incarnation = 0;
  Endpoint endpoint;
};

class PoolView {
 public:
  // `backends` must outlive it.
  PoolView(const BackendView& backends, uint32_t pool) : backends_(backends), pool_(pool) {}

  // Whether it has no backend at all, usable or not.
  bool Empty() {
    Refresh();
    return candidates_.empty();
  }
  // The next usable backend that is not in `tried`, in weighted round-robin order: each gets its
  // share, and the heavy ones not in a row. nullopt when there is none.
  std::optional<PoolMember> Next(absl::Span<const uint32_t> tried);

 private:
  struct Candidate {
    PoolMember member;
    int64_t weight = 0;
    int64_t credit = 0;  // grows by its weight each turn; whoever is chosen pays the whole turn
  };
  // Reads the members again when any backend came or went, or got another weight.
  void Refresh();

  const BackendView& backends_;
  uint32_t pool_;
  std::optional<uint32_t> generation_;  // of the members below
  std::vector<Candidate> candidates_;
};

}  // namespace koi
