// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_worker_N, one for each CPU N, mmapable: what that CPU's workers do.
// Written by those workers, with plain 64-bit stores, each in its own seat; koi-manager clears the
// gauges of a seat whose worker is gone. Read by koi-manager and by people.
//
// Two seats, so that a worker and the one that follows it never write the same entry: entries 0 to
// KOI_BACKENDS_MAX - 1 are the first, the rest the second. Totals of a seat only ever grow: what a
// CPU has done is the sum of both.
//
// The first entry of a seat is the worker as a whole. Entry B of it is what it does with backend
// number B of koi_backends, if `incarnation` is that backend's; there the fields of the worker
// alone are 0.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

struct koi_worker {
  __u64 heartbeat_ns;        // worker: CLOCK_MONOTONIC of its last turn through the event loop
  __u32 pid;                 // worker: as its own PID namespace numbers it; 0: none in this seat
  __u32 incarnation;         // backend: whose figures these are
  __u64 accepted;            // worker: connections taken from its listeners
  __u64 misplaced;           // worker: of these, how many arrived on another CPU (SO_INCOMING_CPU)
  __u64 handshakes;          // worker: TLS handshakes completed
  __u64 handshake_failures;  // worker
  __u64 connections;         // open now: from clients (worker), in use to the backend (backend)
  __u64 connections_total;
  __u64 requests;  // answered; in tcp mode connections that reached a backend
  __u64 errors;    // connect failures, broken or malformed responses, answers koi made itself (5xx)
  __u64 bytes_in;  // worker: from clients, backend: from the backend; without TLS and headers koi
                   // rewrote
  __u64 bytes_out;  // to them
  __u64 cut;        // worker: connections cut because it had to end before they did
  __u64 pad[3];
};
KOI_ABI_STRUCT(struct koi_worker, 128);
