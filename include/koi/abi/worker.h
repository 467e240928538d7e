// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_worker_N, one for each CPU N, mmapable: what that CPU's workers do.
// Written by those workers, with plain 64-bit stores, each in its own seat; koi-manager clears the
// gauges of a seat whose worker is gone. Read by koi-manager, by the other workers, which sum the
// connections of a backend over all of them, and by people.
//
// Two seats, so that a worker and the one that follows it never write the same entry: entries 0 to
// KOI_WORKER_ENTRIES - 1 are the first, the rest the second. Totals of a seat only ever grow: what
// a CPU has done is the sum of both.
//
// Entries of a seat:
//   KOI_WORKER_WHOLE                 the worker as a whole
//   B                                what it does with backend number B of koi_backends, which is
//                                    below KOI_WORKER_BACKENDS_MAX
//   KOI_WORKER_POOLS + P             with pool number P, where P is below KOI_WORKER_POOLS_MAX
//   KOI_WORKER_SERVICES + S          for service number S, below KOI_WORKER_SERVICES_MAX
// Pools and services of higher numbers are counted in the worker as a whole alone. An entry's
// figures are those of the thing whose `incarnation` it has; fields that mean nothing for it are 0.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

enum koi_worker_entry {
  KOI_WORKER_WHOLE = 0,
  KOI_WORKER_POOLS = KOI_WORKER_BACKENDS_MAX,
  KOI_WORKER_SERVICES = KOI_WORKER_POOLS + KOI_WORKER_POOLS_MAX,
  KOI_WORKER_ENTRIES = KOI_WORKER_SERVICES + KOI_WORKER_SERVICES_MAX,
};

// How often something took how long. Bucket 0 is below KOI_LATENCY_FIRST_US, each next one below
// twice as much, the last one all that took longer.
struct koi_latency {
  __u64 sum_us;
  __u64 buckets[KOI_LATENCY_BUCKETS];
};
KOI_ABI_STRUCT(struct koi_latency, 192);

struct koi_worker {
  __u64 heartbeat_ns;  // worker: CLOCK_MONOTONIC of its last turn through the event loop
  __u32 pid;           // worker: as its own PID namespace numbers it; 0: none in this seat
  // Whose figures these are: of the backend, as koi_backends has it; of a pool or service, made of
  // its name.
  __u32 incarnation;
  __u64 connections;        // open now: from clients (worker, service), in use (backend)
  __u64 connections_total;  // of them, ever
  __u64 requests;           // answered; in tcp mode connections that reached a backend
  __u64 errors;    // connect failures, broken or malformed responses, answers koi made itself (5xx)
  __u64 bytes_in;  // from clients (worker, service), from the backend; without TLS and headers koi
                   // rewrote
  __u64 bytes_out;  // to them

  __u64 accepted;            // worker: connections taken from its listeners
  __u64 misplaced;           // worker: of these, how many arrived on another CPU (SO_INCOMING_CPU)
  __u64 handshakes;          // worker, service: TLS handshakes of clients completed
  __u64 handshakes_tls13;    // of these, how many agreed on TLS 1.3
  __u64 handshakes_resumed;  // of these, how many went on with an earlier session
  __u64 handshake_failures;  // worker, service
  __u64 responses[5];        // requests by the class of their status: 1xx, 2xx, 3xx, 4xx, 5xx
  __u64 queued;              // pool: requests and connections that wait for a backend now
  __u64 queue_full;          // pool: turned away, since as many waited as may
  __u64 queue_timeouts;      // pool: waited in vain
  __u64 retries;      // pool, backend: sent to another backend, or once more, after it had failed
  __u64 cut;          // worker: connections cut because it had to end before they did
  __u64 log_dropped;  // worker: lines of the access log that nobody took in time
  __u64 pad[7];

  // Until a connection could be used. worker, service: TLS handshakes of clients. backend: connect,
  // and the TLS handshake with it.
  struct koi_latency setup;
  struct koi_latency queue;     // pool: waiting for a backend, those who had to
  struct koi_latency response;  // service, backend: from the request to the response's head
  struct koi_latency total;  // service, backend: to the end of the response, or of the connection
};
KOI_ABI_STRUCT(struct koi_worker, 1024);
