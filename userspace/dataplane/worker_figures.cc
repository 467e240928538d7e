// SPDX-License-Identifier: Apache-2.0
// Sums of figures.
#include "dataplane/worker_figures.h"

namespace koi {

LatencyFigures& LatencyFigures::operator+=(const LatencyFigures& other) {
  sum_us += other.sum_us;
  for (size_t i = 0; i < kLatencyBuckets; ++i) buckets[i] += other.buckets[i];
  return *this;
}

WorkerFigures& WorkerFigures::operator+=(const WorkerFigures& other) {
  connections += other.connections;
  connections_total += other.connections_total;
  requests += other.requests;
  errors += other.errors;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  accepted += other.accepted;
  misplaced += other.misplaced;
  handshakes += other.handshakes;
  handshakes_tls13 += other.handshakes_tls13;
  handshakes_resumed += other.handshakes_resumed;
  handshake_failures += other.handshake_failures;
  for (size_t i = 0; i < kResponseClasses; ++i) responses[i] += other.responses[i];
  queued += other.queued;
  queue_full += other.queue_full;
  queue_timeouts += other.queue_timeouts;
  retries += other.retries;
  cut += other.cut;
  log_dropped += other.log_dropped;
  setup += other.setup;
  queue += other.queue;
  response += other.response;
  total += other.total;
  return *this;
}

}  // namespace koi
