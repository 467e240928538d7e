// SPDX-License-Identifier: Apache-2.0
// A worker's own seat of koi_worker_N: what it counts. One writer, no locks: each call is a few
// plain loads and stores of 64 bits.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/time.h"
#include "dataplane/worker_figures.h"

struct koi_worker;

namespace koi {

// Where something is counted: a place in a seat, as cheap to copy as a pointer. Calls for a thing
// whose place is another one's by now are ignored, and so are those of one that never had any.
class Counters {
 public:
  Counters() = default;

  bool valid() const;
  uint32_t number() const { return number_; }
  uint32_t incarnation() const { return incarnation_; }

  void ConnectionBegins() const;
  void ConnectionEnds() const { Lower(); }
  // The gauge alone, for one that may have to be taken back; ConnectionBegan() when it stays.
  void Raise() const;
  void Lower() const;
  void ConnectionBegan() const;
  // The gauges; 0 where nothing is counted.
  uint64_t connections() const;
  uint64_t queued() const;
  // `status` of the response; 0 where there is none, in tcp mode.
  void Request(int status) const;
  void Error() const;
  void Retry() const;
  void BytesIn(uint64_t bytes) const;
  void BytesOut(uint64_t bytes) const;
  void Handshake(bool completed, bool tls13 = false, bool resumed = false) const;

  void QueueBegins() const;
  void QueueEnds() const;
  void QueueFull() const;
  void QueueTimedOut() const;

  // How long things took.
  void SetUp(Duration took) const;
  void Queued(Duration took) const;
  void Responded(Duration took) const;
  void Ended(Duration took) const;

 private:
  friend class WorkerCounters;
  Counters(koi_worker* place, uint32_t number, uint32_t incarnation)
      : place_(place), number_(number), incarnation_(incarnation) {}

  koi_worker* place_ = nullptr;
  uint32_t number_ = 0;
  uint32_t incarnation_ = 0;
};

// What is counted of a service is counted of the worker as a whole too.
class ServiceCounters {
 public:
  ServiceCounters() = default;
  ServiceCounters(Counters whole, Counters service) : whole_(whole), service_(service) {}

  // Of the service alone: the worker counts what it accepts.
  void ConnectionBegins() const { service_.ConnectionBegins(); }
  void ConnectionEnds() const { service_.ConnectionEnds(); }

  void Request(int status) const {
    whole_.Request(status);
    service_.Request(status);
  }
  void Error() const {
    whole_.Error();
    service_.Error();
  }
  void FromClient(uint64_t bytes) const {
    whole_.BytesIn(bytes);
    service_.BytesIn(bytes);
  }
  void ToClient(uint64_t bytes) const {
    whole_.BytesOut(bytes);
    service_.BytesOut(bytes);
  }
  void Handshake(bool completed, bool tls13 = false, bool resumed = false) const {
    whole_.Handshake(completed, tls13, resumed);
    service_.Handshake(completed, tls13, resumed);
  }
  // The handshake of a client, from accept(2).
  void SetUp(Duration took) const {
    whole_.SetUp(took);
    service_.SetUp(took);
  }
  // From the request's head to the response's head, and to the response's end.
  void Responded(Duration took) const { service_.Responded(took); }
  void Ended(Duration took) const { service_.Ended(took); }

 private:
  Counters whole_;
  Counters service_;
};

class WorkerCounters {
 public:
  // Maps `seat` read-write; `map_fd` may be closed afterwards.
  static absl::StatusOr<WorkerCounters> Open(int map_fd, uint32_t seat);
  WorkerCounters(WorkerCounters&& other) noexcept;
  WorkerCounters& operator=(WorkerCounters&&) = delete;
  ~WorkerCounters();

  // A new worker in this seat: gauges to zero, totals go on.
  void Begin(uint32_t pid);
  void Heartbeat(TimePoint now);

  // Where a thing is counted. Who takes over a number begins at zero. What they return must not be
  // used when this is gone.
  ServiceCounters Service(uint32_t number, absl::string_view name);
  Counters Pool(uint32_t number, absl::string_view name);
  // Of an incarnation before that which has the place: counted nowhere.
  Counters Backend(uint32_t number, uint32_t incarnation);

  // The worker as a whole.
  void Accepted(bool misplaced);  // also one more connection
  void ConnectionEnded();
  void Cut(uint64_t connections);
  void LogDropped(uint64_t lines);
  void Handshake(bool completed) { whole().Handshake(completed); }
  void Request() { whole().Request(0); }
  void Error() { whole().Error(); }
  void FromClient(uint64_t bytes) { whole().BytesIn(bytes); }
  void ToClient(uint64_t bytes) { whole().BytesOut(bytes); }

  // One backend, by the numbers of the entry the caller works with.
  void BackendBegins(uint32_t number, uint32_t incarnation) {
    Backend(number, incarnation).ConnectionBegins();
  }
  void BackendEnds(uint32_t number, uint32_t incarnation) {
    Backend(number, incarnation).ConnectionEnds();
  }
  void BackendRequest(uint32_t number, uint32_t incarnation) {
    Backend(number, incarnation).Request(0);
  }
  void BackendError(uint32_t number, uint32_t incarnation) { Backend(number, incarnation).Error(); }
  void FromBackend(uint32_t number, uint32_t incarnation, uint64_t bytes) {
    Backend(number, incarnation).BytesIn(bytes);
  }
  void ToBackend(uint32_t number, uint32_t incarnation, uint64_t bytes) {
    Backend(number, incarnation).BytesOut(bytes);
  }

 private:
  explicit WorkerCounters(koi_worker* table) : table_(table) {}
  Counters whole() const;
  Counters Claim(uint32_t index, uint32_t number, absl::string_view name);
  koi_worker* table_;  // of its seat
};

// The worker of `seat` is gone: its gauges to zero, totals stay.
absl::Status ClearWorkerSeat(int map_fd, uint32_t seat);

}  // namespace koi
