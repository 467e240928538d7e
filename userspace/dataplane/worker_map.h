// SPDX-License-Identifier: Apache-2.0
// Map koi_worker_N: what the workers of one CPU do. Each writes its own seat, everybody reads.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/time.h"

struct koi_worker;

namespace koi {

// A worker and the one that follows it, each with a seat of its own in the map.
constexpr uint32_t kWorkerSeats = 2;

// One entry: of a worker as a whole, or of what it does with one backend. A plain copy.
struct WorkerFigures {
  TimePoint heartbeat;
  uint32_t pid = 0;
  uint32_t incarnation = 0;
  uint64_t accepted = 0;
  uint64_t misplaced = 0;
  uint64_t handshakes = 0;
  uint64_t handshake_failures = 0;
  uint64_t connections = 0;
  uint64_t connections_total = 0;
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t cut = 0;
};

// The worker's side: its seat, mapped read-write; `map_fd` may be closed afterwards. One writer, no
// locks: each call is a plain load and store of 64 bits.
class WorkerCounters {
 public:
  static absl::StatusOr<WorkerCounters> Open(int map_fd, uint32_t seat);
  WorkerCounters(WorkerCounters&& other) noexcept;
  WorkerCounters& operator=(WorkerCounters&&) = delete;
  ~WorkerCounters();

  // A new worker in this seat: gauges to zero, totals go on.
  void Begin(uint32_t pid);
  void Heartbeat(TimePoint now);

  // The worker as a whole.
  void Accepted(bool misplaced);  // also one more connection
  void ConnectionEnded();
  void Cut(uint64_t connections);
  void Handshake(bool completed);
  void Request();
  void Error();
  void FromClient(uint64_t bytes);
  void ToClient(uint64_t bytes);

  // One backend. `incarnation` is that of the entry the caller works with: figures of an earlier
  // backend of the same number are dropped first, calls for one that is gone are ignored.
  void BackendBegins(uint32_t number, uint32_t incarnation);  // one more connection in use
  void BackendEnds(uint32_t number, uint32_t incarnation);
  void BackendRequest(uint32_t number, uint32_t incarnation);
  void BackendError(uint32_t number, uint32_t incarnation);
  void FromBackend(uint32_t number, uint32_t incarnation, uint64_t bytes);
  void ToBackend(uint32_t number, uint32_t incarnation, uint64_t bytes);

 private:
  explicit WorkerCounters(koi_worker* table) : table_(table) {}
  koi_worker* Backend(uint32_t number, uint32_t incarnation);
  koi_worker* table_;  // of its seat
};

// The worker of `seat` is gone: its gauges to zero, totals stay.
absl::Status ClearWorkerSeat(int map_fd, uint32_t seat);

// Everybody else's side, mapped read-only.
class WorkerView {
 public:
  static absl::StatusOr<WorkerView> Open(int map_fd);
  WorkerView(WorkerView&& other) noexcept;
  WorkerView& operator=(WorkerView&&) = delete;
  ~WorkerView();

  // One seat's worker as a whole.
  WorkerFigures Seat(uint32_t seat) const;
  // The sum of both seats; pid and heartbeat are of the one that beat last.
  WorkerFigures Total() const;
  // The same for a backend. Zeros where what is there belongs to another incarnation.
  WorkerFigures Backend(uint32_t number, uint32_t incarnation) const;
  // Whether a worker has a connection to any backend that had this number, whichever incarnation.
  bool InUse(uint32_t number) const;

 private:
  explicit WorkerView(const koi_worker* table) : table_(table) {}
  const koi_worker* table_;
};

}  // namespace koi
