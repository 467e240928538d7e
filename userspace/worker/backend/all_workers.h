// SPDX-License-Identifier: Apache-2.0
// What the other workers have in use and waiting, as their maps say: no message between workers, no
// lock. Their numbers are trusted as numbers only.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/worker_map.h"

namespace koi {

class AllWorkers {
 public:
  // Both seats of another CPU.
  void AddCpu(WorkerView view) { cpus_.push_back({std::move(view), kWorkerSeats}); }
  // The CPU of this worker, which has `seat`: the other one may be a worker that it follows, or
  // that follows it.
  void AddOwnCpu(WorkerView view, uint32_t seat) { cpus_.push_back({std::move(view), seat}); }

  // Connections in use to the backend that `backend` counts, by the other workers.
  uint64_t InUse(const Counters& backend) const {
    return Sum([&](const WorkerView& view, uint32_t seat) {
      return view.InUse(seat, backend.number(), backend.incarnation());
    });
  }
  // Waiting for the pool that `pool` counts, at the other workers.
  uint64_t Queued(const Counters& pool) const {
    return Sum([&](const WorkerView& view, uint32_t seat) {
      return view.Queued(seat, pool.number(), pool.incarnation());
    });
  }

 private:
  struct Cpu {
    WorkerView view;
    uint32_t own_seat;  // kWorkerSeats: neither
  };
  template <typename Gauge>
  uint64_t Sum(Gauge gauge) const {
    uint64_t sum = 0;
    for (const Cpu& cpu : cpus_) {
      for (uint32_t seat = 0; seat < kWorkerSeats; ++seat) {
        if (seat != cpu.own_seat) sum += gauge(cpu.view, seat);
      }
    }
    return sum;
  }

  std::vector<Cpu> cpus_;
};

}  // namespace koi
