// SPDX-License-Identifier: Apache-2.0
// Map koi_worker_N: what one worker does. It writes, everybody reads.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/time.h"

struct koi_worker;

namespace koi {

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
};

// The worker's side, mapped read-write; `map_fd` may be closed afterwards. One writer, no locks:
// each call is a plain load and store of 64 bits.
class WorkerCounters {
 public:
  static absl::StatusOr<WorkerCounters> Open(int map_fd);
  WorkerCounters(WorkerCounters&& other) noexcept;
  WorkerCounters& operator=(WorkerCounters&&) = delete;
  ~WorkerCounters();

  // A new worker of this CPU: gauges to zero, totals go on.
  void Begin(uint32_t pid);
  void Heartbeat(TimePoint now);

  // The worker as a whole.
  void Accepted(bool misplaced);  // also one more connection
  void ConnectionEnded();
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
  koi_worker* table_;
};

// Everybody else's side, mapped read-only.
class WorkerView {
 public:
  static absl::StatusOr<WorkerView> Open(int map_fd);
  WorkerView(WorkerView&& other) noexcept;
  WorkerView& operator=(WorkerView&&) = delete;
  ~WorkerView();

  WorkerFigures Total() const;
  // Zeros when what is there belongs to another incarnation.
  WorkerFigures Backend(uint32_t number, uint32_t incarnation) const;
  // Whether the worker has a connection to any backend that had this number, whichever incarnation.
  bool InUse(uint32_t number) const;

 private:
  explicit WorkerView(const koi_worker* table) : table_(table) {}
  const koi_worker* table_;
};

}  // namespace koi
