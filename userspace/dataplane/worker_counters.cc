// SPDX-License-Identifier: Apache-2.0
// Counting in koi_worker_N.
#include "dataplane/worker_counters.h"

#include <koi/abi/worker.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "dataplane/map_calls.h"
#include "dataplane/worker_entry.h"

namespace koi {
namespace {

using worker_entry::kSeatBytes;
using worker_entry::kTableBytes;
using worker_entry::Store;

// The only writer is the caller: no atomic addition is needed, only that no reader sees half.
void Add(__u64& field, uint64_t amount) { Store<__u64>(field, field + amount); }

// Below zero it would say 18 quintillion to people. It may be there already: a service that was
// away for a while finds its place cleared, and connections that it had before end after that.
void Decrement(__u64& gauge) {
  if (gauge > 0) Store<__u64>(gauge, gauge - 1);
}

void AddTime(koi_latency& latency, Duration took) {
  const auto us = static_cast<uint64_t>(
      std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  const auto bucket = std::min<uint32_t>(
      static_cast<uint32_t>(std::bit_width(us / KOI_LATENCY_FIRST_US)), KOI_LATENCY_BUCKETS - 1);
  Add(latency.buckets[bucket], 1);
  Add(latency.sum_us, us);
}

void ClearGauges(koi_worker* seat) {
  for (uint32_t i = 0; i < KOI_WORKER_ENTRIES; ++i) {
    if (seat[i].connections != 0) Store<__u64>(seat[i].connections, 0);
    if (seat[i].queued != 0) Store<__u64>(seat[i].queued, 0);
  }
  Store<__u64>(seat[KOI_WORKER_WHOLE].heartbeat_ns, 0);
}

// Figures start from zero. The old ones are gone before the new name stands there.
void StartPlace(koi_worker& place, uint32_t incarnation) {
  auto* words = reinterpret_cast<__u64*>(&place);
  constexpr size_t kFirst = offsetof(koi_worker, connections) / sizeof(__u64);
  for (size_t i = kFirst; i < sizeof(place) / sizeof(__u64); ++i) Store<__u64>(words[i], 0);
  __atomic_store_n(&place.incarnation, incarnation, __ATOMIC_RELEASE);
}

}  // namespace

bool Counters::valid() const { return place_ != nullptr && place_->incarnation == incarnation_; }

void Counters::ConnectionBegins() const {
  Raise();
  ConnectionBegan();
}

void Counters::Raise() const {
  if (valid()) Add(place_->connections, 1);
}

void Counters::Lower() const {
  if (valid()) Decrement(place_->connections);
}

void Counters::ConnectionBegan() const {
  if (valid()) Add(place_->connections_total, 1);
}

uint64_t Counters::connections() const { return valid() ? place_->connections : 0; }

uint64_t Counters::queued() const { return valid() ? place_->queued : 0; }

void Counters::Request(int status) const {
  if (!valid()) return;
  Add(place_->requests, 1);
  const int response_class = status / 100 - 1;
  if (response_class >= 0 && response_class < static_cast<int>(kResponseClasses)) {
    Add(place_->responses[response_class], 1);
  }
}

void Counters::Error() const {
  if (valid()) Add(place_->errors, 1);
}

void Counters::Retry() const {
  if (valid()) Add(place_->retries, 1);
}

void Counters::BytesIn(uint64_t bytes) const {
  if (valid()) Add(place_->bytes_in, bytes);
}

void Counters::BytesOut(uint64_t bytes) const {
  if (valid()) Add(place_->bytes_out, bytes);
}

void Counters::Handshake(bool completed, bool tls13, bool resumed) const {
  if (!valid()) return;
  if (!completed) return Add(place_->handshake_failures, 1);
  Add(place_->handshakes, 1);
  if (tls13) Add(place_->handshakes_tls13, 1);
  if (resumed) Add(place_->handshakes_resumed, 1);
}

void Counters::QueueBegins() const {
  if (valid()) Add(place_->queued, 1);
}

void Counters::QueueEnds() const {
  if (valid()) Decrement(place_->queued);
}

void Counters::QueueFull() const {
  if (valid()) Add(place_->queue_full, 1);
}

void Counters::QueueTimedOut() const {
  if (valid()) Add(place_->queue_timeouts, 1);
}

void Counters::SetUp(Duration took) const {
  if (valid()) AddTime(place_->setup, took);
}

void Counters::Queued(Duration took) const {
  if (valid()) AddTime(place_->queue, took);
}

void Counters::Responded(Duration took) const {
  if (valid()) AddTime(place_->response, took);
}

void Counters::Ended(Duration took) const {
  if (valid()) AddTime(place_->total, took);
}

absl::StatusOr<WorkerCounters> WorkerCounters::Open(int map_fd, uint32_t seat) {
  KOI_CHECK(seat < KOI_WORKER_SEATS);
  KOI_ASSIGN_OR_RETURN(void* table,
                       map_calls::MapTable(map_fd, kTableBytes, PROT_READ | PROT_WRITE));
  // The other seat is another process's: it stays out of reach.
  char* bytes = static_cast<char*>(table);
  for (uint32_t other = 0; other < KOI_WORKER_SEATS; ++other) {
    if (other != seat) map_calls::UnmapTable(bytes + other * kSeatBytes, kSeatBytes);
  }
  return WorkerCounters(reinterpret_cast<koi_worker*>(bytes + seat * kSeatBytes));
}

WorkerCounters::WorkerCounters(WorkerCounters&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)) {}

WorkerCounters::~WorkerCounters() { map_calls::UnmapTable(table_, kSeatBytes); }

void WorkerCounters::Begin(uint32_t pid) {
  ClearGauges(table_);
  Store<__u32>(table_[KOI_WORKER_WHOLE].pid, pid);
}

absl::Status ClearWorkerSeat(int map_fd, uint32_t seat) {
  KOI_CHECK(seat < KOI_WORKER_SEATS);
  KOI_ASSIGN_OR_RETURN(void* table,
                       map_calls::MapTable(map_fd, kTableBytes, PROT_READ | PROT_WRITE));
  koi_worker* first = static_cast<koi_worker*>(table) + seat * KOI_WORKER_ENTRIES;
  ClearGauges(first);
  Store<__u32>(first[KOI_WORKER_WHOLE].pid, 0);
  map_calls::UnmapTable(table, kTableBytes);
  return absl::OkStatus();
}

void WorkerCounters::Heartbeat(TimePoint now) {
  Store<__u64>(table_[KOI_WORKER_WHOLE].heartbeat_ns, ToNanoseconds(now));
}

Counters WorkerCounters::whole() const { return {&table_[KOI_WORKER_WHOLE], 0, 0}; }

Counters WorkerCounters::Claim(uint32_t index, uint32_t number, absl::string_view name) {
  if (index == KOI_WORKER_WHOLE) return {};
  const uint32_t incarnation = worker_entry::IncarnationOf(name);
  if (table_[index].incarnation != incarnation) StartPlace(table_[index], incarnation);
  return {&table_[index], number, incarnation};
}

ServiceCounters WorkerCounters::Service(uint32_t number, absl::string_view name) {
  return {whole(), Claim(worker_entry::ServiceIndex(number), number, name)};
}

Counters WorkerCounters::Pool(uint32_t number, absl::string_view name) {
  return Claim(worker_entry::PoolIndex(number), number, name);
}

Counters WorkerCounters::Backend(uint32_t number, uint32_t incarnation) {
  KOI_CHECK(number > 0 && number < KOI_WORKER_BACKENDS_MAX);
  koi_worker& place = table_[number];
  const auto newer = static_cast<int32_t>(incarnation - place.incarnation);
  if (newer < 0) return {};
  if (newer > 0) StartPlace(place, incarnation);
  return {&place, number, incarnation};
}

void WorkerCounters::Accepted(bool misplaced) {
  koi_worker& place = table_[KOI_WORKER_WHOLE];
  Add(place.accepted, 1);
  if (misplaced) Add(place.misplaced, 1);
  Add(place.connections, 1);
  Add(place.connections_total, 1);
}

void WorkerCounters::ConnectionEnded() { Decrement(table_[KOI_WORKER_WHOLE].connections); }

void WorkerCounters::Cut(uint64_t connections) { Add(table_[KOI_WORKER_WHOLE].cut, connections); }

void WorkerCounters::LogDropped(uint64_t lines) {
  Add(table_[KOI_WORKER_WHOLE].log_dropped, lines);
}

}  // namespace koi
