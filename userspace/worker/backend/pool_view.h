// SPDX-License-Identifier: Apache-2.0
// One pool's backends as a worker sees them, and which of them is next.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/address.h"
#include "base/time.h"
#include "config/config.h"
#include "dataplane/backend_map.h"
#include "dataplane/worker_map.h"
#include "worker/backend/all_workers.h"

namespace koi {

struct PoolMember {
  uint32_t number = 0;
  uint32_t incarnation = 0;
  Endpoint endpoint;
};

class PoolView {
 public:
  // How a backend is chosen.
  struct Rules {
    Balance balance = Balance::kRoundRobin;
    Duration slow_start = {};
  };
  // A backend that one more connection in use has been counted for: whoever gets it lowers that
  // again.
  struct Chosen {
    PoolMember member;
    Counters counters;
  };
  struct Answer {
    std::optional<Chosen> chosen = std::nullopt;
    bool full = false;  // there is none, but would be if fewer connections were in use
  };

  // All must outlive it.
  PoolView(const BackendView& backends, WorkerCounters& counters, const AllWorkers& others,
           uint32_t pool)
      : backends_(backends), counters_(counters), others_(others), pool_(pool) {}

  // Whether it has no backend at all, usable or not.
  bool Empty() {
    Refresh();
    return candidates_.empty();
  }
  // Whether any backend has a limit.
  bool Limited() {
    Refresh();
    return limited_;
  }
  // The next usable backend that is not in `tried` and has not as many connections, over all
  // workers, as it may have.
  Answer Next(absl::Span<const uint32_t> tried, const Rules& rules, TimePoint now);

 private:
  struct Candidate {
    PoolMember member;
    Counters counters;
    uint32_t limit = 0;     // 0: none
    int64_t weight = 0;     // in kWeightUnits
    int64_t share = 0;      // that it is worth now: the weight, or less during its slow start
    int64_t credit = 0;     // grows by its share each turn; whoever is chosen pays the whole turn
    uint64_t others = 0;    // connections in use by other workers, at `counted_`
    bool possible = false;  // in the choice at hand
  };
  // Reads the members again when any backend came or went, or got another weight or limit.
  void Refresh();
  void CountOthers(TimePoint now);
  int64_t ShareOf(const Candidate& candidate, const Rules& rules, TimePoint now) const;
  uint64_t Load(const Candidate& candidate) const {
    return candidate.counters.connections() + candidate.others;
  }
  // Whether `one` is loaded less than `other`, for what it is worth.
  bool IsFreer(const Candidate& one, const Candidate& other) const;
  // Of those possible: nullptr when none is.
  Candidate* Choose(Balance balance);
  Candidate* ByTurns();
  void KeepFreest();
  void KeepTwo();
  uint64_t Random();
  bool IsFull(const Candidate& candidate) const;
  // Counts one more connection; false where that would be too many.
  bool Enter(const Candidate& candidate) const;

  const BackendView& backends_;
  WorkerCounters& counters_;
  const AllWorkers& others_;
  uint32_t pool_;
  std::optional<uint32_t> generation_;  // of the members below
  std::vector<Candidate> candidates_;
  bool limited_ = false;
  TimePoint counted_;
  uint64_t random_ = 0;  // the last lot
};

}  // namespace koi
