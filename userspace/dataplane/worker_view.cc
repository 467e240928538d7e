// SPDX-License-Identifier: Apache-2.0
// Reading koi_worker_N.
#include "dataplane/worker_view.h"

#include <koi/abi/worker.h>
#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "dataplane/map_calls.h"
#include "dataplane/worker_entry.h"

namespace koi {
namespace {

using worker_entry::kTableBytes;
using worker_entry::Load;

static_assert(kWorkerSeats == KOI_WORKER_SEATS);

LatencyFigures Copy(const koi_latency& latency) {
  LatencyFigures figures = {.sum_us = Load(latency.sum_us), .buckets = {}};
  for (size_t i = 0; i < kLatencyBuckets; ++i) figures.buckets[i] = Load(latency.buckets[i]);
  return figures;
}

WorkerFigures Copy(const koi_worker& place) {
  WorkerFigures figures = {.heartbeat = FromNanoseconds(Load(place.heartbeat_ns)),
                           .pid = Load(place.pid),
                           .incarnation = Load(place.incarnation),
                           .connections = Load(place.connections),
                           .connections_total = Load(place.connections_total),
                           .requests = Load(place.requests),
                           .errors = Load(place.errors),
                           .bytes_in = Load(place.bytes_in),
                           .bytes_out = Load(place.bytes_out),
                           .accepted = Load(place.accepted),
                           .misplaced = Load(place.misplaced),
                           .handshakes = Load(place.handshakes),
                           .handshakes_tls13 = Load(place.handshakes_tls13),
                           .handshakes_resumed = Load(place.handshakes_resumed),
                           .handshake_failures = Load(place.handshake_failures),
                           .responses = {},
                           .queued = Load(place.queued),
                           .queue_full = Load(place.queue_full),
                           .queue_timeouts = Load(place.queue_timeouts),
                           .retries = Load(place.retries),
                           .cut = Load(place.cut),
                           .log_dropped = Load(place.log_dropped),
                           .setup = Copy(place.setup),
                           .queue = Copy(place.queue),
                           .response = Copy(place.response),
                           .total = Copy(place.total)};
  for (size_t i = 0; i < kResponseClasses; ++i) figures.responses[i] = Load(place.responses[i]);
  return figures;
}

void NoteWorker(WorkerFigures& sum, const WorkerFigures& one) {
  if (one.pid == 0 || one.heartbeat < sum.heartbeat) return;
  sum.heartbeat = one.heartbeat;
  sum.pid = one.pid;
}

}  // namespace

absl::StatusOr<WorkerView> WorkerView::Open(int map_fd) {
  KOI_ASSIGN_OR_RETURN(void* table, map_calls::MapTable(map_fd, kTableBytes, PROT_READ));
  return WorkerView(static_cast<const koi_worker*>(table));
}

WorkerView::WorkerView(WorkerView&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)) {}

WorkerView::~WorkerView() { map_calls::UnmapTable(table_, kTableBytes); }

const koi_worker& WorkerView::Place(uint32_t seat, uint32_t index) const {
  KOI_CHECK(seat < kWorkerSeats && index < KOI_WORKER_ENTRIES);
  return table_[seat * KOI_WORKER_ENTRIES + index];
}

WorkerFigures WorkerView::Seat(uint32_t seat) const { return Copy(Place(seat, KOI_WORKER_WHOLE)); }

WorkerFigures WorkerView::Total() const {
  WorkerFigures sum;
  for (uint32_t seat = 0; seat < kWorkerSeats; ++seat) {
    const WorkerFigures one = Seat(seat);
    NoteWorker(sum, one);
    sum += one;
  }
  return sum;
}

WorkerFigures WorkerView::Sum(uint32_t index, uint32_t incarnation) const {
  WorkerFigures sum;
  if (index == KOI_WORKER_WHOLE) return sum;
  for (uint32_t seat = 0; seat < kWorkerSeats; ++seat) {
    const koi_worker& place = Place(seat, index);
    if (__atomic_load_n(&place.incarnation, __ATOMIC_ACQUIRE) != incarnation) continue;
    sum += Copy(place);
    sum.incarnation = incarnation;
  }
  return sum;
}

WorkerFigures WorkerView::Backend(uint32_t number, uint32_t incarnation) const {
  return Sum(worker_entry::BackendIndex(number), incarnation);
}

WorkerFigures WorkerView::Pool(uint32_t number, absl::string_view name) const {
  return Sum(worker_entry::PoolIndex(number), worker_entry::IncarnationOf(name));
}

WorkerFigures WorkerView::Service(uint32_t number, absl::string_view name) const {
  return Sum(worker_entry::ServiceIndex(number), worker_entry::IncarnationOf(name));
}

bool WorkerView::InUse(uint32_t number) const {
  if (number >= KOI_WORKER_BACKENDS_MAX) return false;  // no worker ever does
  for (uint32_t seat = 0; seat < kWorkerSeats; ++seat) {
    if (Load(Place(seat, number).connections) > 0) return true;
  }
  return false;
}

uint64_t WorkerView::InUse(uint32_t seat, uint32_t number, uint32_t incarnation) const {
  const uint32_t index = worker_entry::BackendIndex(number);
  const koi_worker& place = Place(seat, index);
  if (index == KOI_WORKER_WHOLE || Load(place.incarnation) != incarnation) return 0;
  return std::min<uint64_t>(Load(place.connections), kMostCounted);
}

uint64_t WorkerView::Queued(uint32_t seat, uint32_t pool, uint32_t incarnation) const {
  const uint32_t index = worker_entry::PoolIndex(pool);
  const koi_worker& place = Place(seat, index);
  if (index == KOI_WORKER_WHOLE || Load(place.incarnation) != incarnation) return 0;
  return std::min<uint64_t>(Load(place.queued), kMostCounted);
}

}  // namespace koi
