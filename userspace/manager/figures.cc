// SPDX-License-Identifier: Apache-2.0
// One field after the other.
#include "manager/figures.h"

namespace koi {
namespace {

LatencyStats Told(const LatencyFigures& figures) {
  return {.count = figures.count(),
          .sum_us = figures.sum_us,
          .buckets = {figures.buckets.begin(), figures.buckets.end()}};
}

ResponseStats Told(const std::array<uint64_t, kResponseClasses>& responses) {
  return {.by_class = responses};
}

}  // namespace

void Tell(const WorkerFigures& figures, CpuStats& cpu) {
  cpu.cut = figures.cut;
  cpu.accepted = figures.accepted;
  cpu.misplaced = figures.misplaced;
  cpu.handshakes = figures.handshakes;
  cpu.handshakes_tls13 = figures.handshakes_tls13;
  cpu.handshakes_resumed = figures.handshakes_resumed;
  cpu.handshake_failures = figures.handshake_failures;
  cpu.connections = figures.connections;
  cpu.requests = figures.requests;
  cpu.responses = Told(figures.responses);
  cpu.errors = figures.errors;
  cpu.bytes_in = figures.bytes_in;
  cpu.bytes_out = figures.bytes_out;
  cpu.log_dropped = figures.log_dropped;
}

void Tell(const WorkerFigures& figures, ServiceStats& service) {
  service.connections = figures.connections;
  service.connections_total = figures.connections_total;
  service.requests = figures.requests;
  service.responses = Told(figures.responses);
  service.errors = figures.errors;
  service.bytes_in = figures.bytes_in;
  service.bytes_out = figures.bytes_out;
  service.handshakes = figures.handshakes;
  service.handshakes_tls13 = figures.handshakes_tls13;
  service.handshakes_resumed = figures.handshakes_resumed;
  service.handshake_failures = figures.handshake_failures;
  service.handshake_time = Told(figures.setup);
  service.response_time = Told(figures.response);
  service.total_time = Told(figures.total);
}

void Tell(const WorkerFigures& figures, PoolStats& pool) {
  pool.queued = figures.queued;
  pool.queue_full = figures.queue_full;
  pool.queue_timeouts = figures.queue_timeouts;
  pool.retries = figures.retries;
  pool.queue_time = Told(figures.queue);
}

void Tell(const WorkerFigures& figures, BackendStats& backend) {
  backend.connections = figures.connections;
  backend.connections_total = figures.connections_total;
  backend.requests = figures.requests;
  backend.responses = Told(figures.responses);
  backend.errors = figures.errors;
  backend.retries = figures.retries;
  backend.bytes_in = figures.bytes_in;
  backend.bytes_out = figures.bytes_out;
  backend.connect_time = Told(figures.setup);
  backend.response_time = Told(figures.response);
  backend.total_time = Told(figures.total);
}

void AddTo(CpuStats& total, const CpuStats& cpu) {
  total.starts += cpu.starts;
  total.steered += cpu.steered;
  total.steered_packets += cpu.steered_packets;
  total.accepted += cpu.accepted;
  total.misplaced += cpu.misplaced;
  total.handshakes += cpu.handshakes;
  total.handshakes_tls13 += cpu.handshakes_tls13;
  total.handshakes_resumed += cpu.handshakes_resumed;
  total.handshake_failures += cpu.handshake_failures;
  total.connections += cpu.connections;
  total.requests += cpu.requests;
  total.responses += cpu.responses;
  total.errors += cpu.errors;
  total.bytes_in += cpu.bytes_in;
  total.bytes_out += cpu.bytes_out;
  total.cut += cpu.cut;
  total.log_dropped += cpu.log_dropped;
}

}  // namespace koi
