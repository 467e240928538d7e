// SPDX-License-Identifier: Apache-2.0
// Both sides of koi_worker_N.
#include "dataplane/worker_map.h"

#include <koi/abi/worker.h>
#include <sys/mman.h>

#include <utility>

#include "base/check.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

static_assert(kWorkerSeats == KOI_WORKER_SEATS);
constexpr size_t kSeatBytes = sizeof(koi_worker) * KOI_BACKENDS_MAX;  // whole pages
static_assert(kSeatBytes % 65'536 == 0);
constexpr size_t kTableBytes = kSeatBytes * kWorkerSeats;
constexpr uint32_t kWhole = 0;  // the entry of the worker itself, in its seat

template <typename T>
T Load(const T& field) {
  return __atomic_load_n(&field, __ATOMIC_RELAXED);
}

template <typename T>
void Store(T& field, T value) {
  __atomic_store_n(&field, value, __ATOMIC_RELAXED);
}

// The only writer is the caller: no atomic addition is needed, only that no reader sees half.
void Add(__u64& field, uint64_t amount) { Store<__u64>(field, field + amount); }

// A gauge that fell below zero would say 18 quintillion to people.
void Decrement(__u64& gauge) {
  KOI_CHECK(gauge > 0);
  Store<__u64>(gauge, gauge - 1);
}

WorkerFigures Copy(const koi_worker& entry) {
  return {.heartbeat = FromNanoseconds(Load(entry.heartbeat_ns)),
          .pid = Load(entry.pid),
          .incarnation = Load(entry.incarnation),
          .accepted = Load(entry.accepted),
          .misplaced = Load(entry.misplaced),
          .handshakes = Load(entry.handshakes),
          .handshake_failures = Load(entry.handshake_failures),
          .connections = Load(entry.connections),
          .connections_total = Load(entry.connections_total),
          .requests = Load(entry.requests),
          .errors = Load(entry.errors),
          .bytes_in = Load(entry.bytes_in),
          .bytes_out = Load(entry.bytes_out),
          .cut = Load(entry.cut)};
}

void AddTo(WorkerFigures& sum, const WorkerFigures& one) {
  if (one.pid != 0 && one.heartbeat >= sum.heartbeat) {
    sum.heartbeat = one.heartbeat;
    sum.pid = one.pid;
  }
  sum.incarnation = one.incarnation;
  sum.accepted += one.accepted;
  sum.misplaced += one.misplaced;
  sum.handshakes += one.handshakes;
  sum.handshake_failures += one.handshake_failures;
  sum.connections += one.connections;
  sum.connections_total += one.connections_total;
  sum.requests += one.requests;
  sum.errors += one.errors;
  sum.bytes_in += one.bytes_in;
  sum.bytes_out += one.bytes_out;
  sum.cut += one.cut;
}

void ClearGauges(koi_worker* seat) {
  for (uint32_t i = 0; i < KOI_BACKENDS_MAX; ++i) Store<__u64>(seat[i].connections, 0);
  Store<__u64>(seat[kWhole].heartbeat_ns, 0);
}

// Figures of a backend start from zero. Its old ones are gone before the new name stands there.
void StartBackend(koi_worker& entry, uint32_t incarnation) {
  Store<__u64>(entry.connections, 0);
  Store<__u64>(entry.connections_total, 0);
  Store<__u64>(entry.requests, 0);
  Store<__u64>(entry.errors, 0);
  Store<__u64>(entry.bytes_in, 0);
  Store<__u64>(entry.bytes_out, 0);
  __atomic_store_n(&entry.incarnation, incarnation, __ATOMIC_RELEASE);
}

}  // namespace

absl::StatusOr<WorkerCounters> WorkerCounters::Open(int map_fd, uint32_t seat) {
  KOI_CHECK(seat < kWorkerSeats);
  KOI_ASSIGN_OR_RETURN(void* table,
                       map_calls::MapTable(map_fd, kTableBytes, PROT_READ | PROT_WRITE));
  // The other seat is another process's: it stays out of reach.
  char* bytes = static_cast<char*>(table);
  for (uint32_t other = 0; other < kWorkerSeats; ++other) {
    if (other != seat) map_calls::UnmapTable(bytes + other * kSeatBytes, kSeatBytes);
  }
  return WorkerCounters(reinterpret_cast<koi_worker*>(bytes + seat * kSeatBytes));
}

WorkerCounters::WorkerCounters(WorkerCounters&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)) {}

WorkerCounters::~WorkerCounters() { map_calls::UnmapTable(table_, kSeatBytes); }

void WorkerCounters::Begin(uint32_t pid) {
  ClearGauges(table_);
  Store<__u32>(table_[kWhole].pid, pid);
}

absl::Status ClearWorkerSeat(int map_fd, uint32_t seat) {
  KOI_CHECK(seat < kWorkerSeats);
  KOI_ASSIGN_OR_RETURN(void* table,
                       map_calls::MapTable(map_fd, kTableBytes, PROT_READ | PROT_WRITE));
  koi_worker* first = static_cast<koi_worker*>(table) + seat * KOI_BACKENDS_MAX;
  ClearGauges(first);
  Store<__u32>(first[kWhole].pid, 0);
  map_calls::UnmapTable(table, kTableBytes);
  return absl::OkStatus();
}

void WorkerCounters::Heartbeat(TimePoint now) {
  Store<__u64>(table_[kWhole].heartbeat_ns, ToNanoseconds(now));
}

void WorkerCounters::Accepted(bool misplaced) {
  Add(table_[kWhole].accepted, 1);
  Add(table_[kWhole].misplaced, misplaced ? 1 : 0);
  Add(table_[kWhole].connections, 1);
  Add(table_[kWhole].connections_total, 1);
}

void WorkerCounters::ConnectionEnded() { Decrement(table_[kWhole].connections); }

void WorkerCounters::Cut(uint64_t connections) { Add(table_[kWhole].cut, connections); }

void WorkerCounters::Handshake(bool completed) {
  Add(completed ? table_[kWhole].handshakes : table_[kWhole].handshake_failures, 1);
}

void WorkerCounters::Request() { Add(table_[kWhole].requests, 1); }
void WorkerCounters::Error() { Add(table_[kWhole].errors, 1); }
void WorkerCounters::FromClient(uint64_t bytes) { Add(table_[kWhole].bytes_in, bytes); }
void WorkerCounters::ToClient(uint64_t bytes) { Add(table_[kWhole].bytes_out, bytes); }

// nullptr: the backend is gone, its number is another's by now.
koi_worker* WorkerCounters::Backend(uint32_t number, uint32_t incarnation) {
  KOI_CHECK(number > 0 && number < KOI_BACKENDS_MAX);
  koi_worker& entry = table_[number];
  if (entry.incarnation == incarnation) return &entry;
  if (static_cast<int32_t>(incarnation - entry.incarnation) < 0) return nullptr;
  StartBackend(entry, incarnation);
  return &entry;
}

void WorkerCounters::BackendBegins(uint32_t number, uint32_t incarnation) {
  koi_worker* backend = Backend(number, incarnation);
  if (backend == nullptr) return;
  Add(backend->connections, 1);
  Add(backend->connections_total, 1);
}

void WorkerCounters::BackendEnds(uint32_t number, uint32_t incarnation) {
  koi_worker* backend = Backend(number, incarnation);
  if (backend != nullptr) Decrement(backend->connections);
}

void WorkerCounters::BackendRequest(uint32_t number, uint32_t incarnation) {
  koi_worker* backend = Backend(number, incarnation);
  if (backend != nullptr) Add(backend->requests, 1);
}

void WorkerCounters::BackendError(uint32_t number, uint32_t incarnation) {
  koi_worker* backend = Backend(number, incarnation);
  if (backend != nullptr) Add(backend->errors, 1);
}

void WorkerCounters::FromBackend(uint32_t number, uint32_t incarnation, uint64_t bytes) {
  koi_worker* backend = Backend(number, incarnation);
  if (backend != nullptr) Add(backend->bytes_in, bytes);
}

void WorkerCounters::ToBackend(uint32_t number, uint32_t incarnation, uint64_t bytes) {
  koi_worker* backend = Backend(number, incarnation);
  if (backend != nullptr) Add(backend->bytes_out, bytes);
}

absl::StatusOr<WorkerView> WorkerView::Open(int map_fd) {
  KOI_ASSIGN_OR_RETURN(void* table, map_calls::MapTable(map_fd, kTableBytes, PROT_READ));
  return WorkerView(static_cast<const koi_worker*>(table));
}

WorkerView::WorkerView(WorkerView&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)) {}

WorkerView::~WorkerView() { map_calls::UnmapTable(table_, kTableBytes); }

WorkerFigures WorkerView::Seat(uint32_t seat) const {
  KOI_CHECK(seat < kWorkerSeats);
  return Copy(table_[seat * KOI_BACKENDS_MAX + kWhole]);
}

WorkerFigures WorkerView::Total() const {
  WorkerFigures sum;
  for (uint32_t seat = 0; seat < kWorkerSeats; ++seat) AddTo(sum, Seat(seat));
  return sum;
}

bool WorkerView::InUse(uint32_t number) const {
  KOI_CHECK(number < KOI_BACKENDS_MAX);
  for (uint32_t seat = 0; seat < kWorkerSeats; ++seat) {
    if (Load(table_[seat * KOI_BACKENDS_MAX + number].connections) > 0) return true;
  }
  return false;
}

WorkerFigures WorkerView::Backend(uint32_t number, uint32_t incarnation) const {
  WorkerFigures sum;
  if (number == 0 || number >= KOI_BACKENDS_MAX) return sum;
  for (uint32_t seat = 0; seat < kWorkerSeats; ++seat) {
    const koi_worker& entry = table_[seat * KOI_BACKENDS_MAX + number];
    if (__atomic_load_n(&entry.incarnation, __ATOMIC_ACQUIRE) != incarnation) continue;
    AddTo(sum, Copy(entry));
  }
  return sum;
}

}  // namespace koi
