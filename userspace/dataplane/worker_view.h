// SPDX-License-Identifier: Apache-2.0
// Everybody else's side of koi_worker_N, mapped read-only. What stands there was written by another
// process and is taken for numbers, never for more.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/worker_figures.h"

struct koi_worker;

namespace koi {

// A worker and the one that follows it, each with a seat of its own in the map.
constexpr uint32_t kWorkerSeats = 2;

class WorkerView {
 public:
  // `map_fd` may be closed afterwards.
  static absl::StatusOr<WorkerView> Open(int map_fd);
  WorkerView(WorkerView&& other) noexcept;
  WorkerView& operator=(WorkerView&&) = delete;
  ~WorkerView();

  // One seat's worker as a whole.
  WorkerFigures Seat(uint32_t seat) const;
  // The sum of both seats; pid and heartbeat are of the one that beat last.
  WorkerFigures Total() const;
  // The same for a backend, pool or service. Zeros where what is there belongs to another one.
  WorkerFigures Backend(uint32_t number, uint32_t incarnation) const;
  WorkerFigures Pool(uint32_t number, absl::string_view name) const;
  WorkerFigures Service(uint32_t number, absl::string_view name) const;
  // Whether a worker has a connection to any backend that had this number, whichever incarnation.
  bool InUse(uint32_t number) const;

  // Gauges of one seat, for those that ask often; never more than kMostCounted, whatever stands
  // there, so that sums of them cannot overflow.
  static constexpr uint64_t kMostCounted = uint64_t{1} << 32;
  uint64_t InUse(uint32_t seat, uint32_t number, uint32_t incarnation) const;
  uint64_t Queued(uint32_t seat, uint32_t pool, uint32_t incarnation) const;

 private:
  explicit WorkerView(const koi_worker* table) : table_(table) {}
  WorkerFigures Sum(uint32_t index, uint32_t incarnation) const;
  const koi_worker& Place(uint32_t seat, uint32_t index) const;

  const koi_worker* table_;
};

}  // namespace koi
