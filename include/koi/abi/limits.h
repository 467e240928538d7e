// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Limits fixed when the maps are made.
#pragma once

enum {
  KOI_VIPS_MAX = 1024,
  KOI_GROUPS_MAX = 255,      // a CARP vhid is one byte, 0 is none
  KOI_SERVICES_MAX = 4096,   // VIP, protocol and port
  KOI_BACKENDS_MAX = 16384,  // of all pools; number 0 is never a backend
  // Numbers below are those of the pools that workers use, the others those of l4 pools: a worker
  // counts each of its backends in an entry of its own.
  KOI_WORKER_BACKENDS_MAX = 1024,
  KOI_POOLS_MAX = 1024,
  KOI_RING_SLOTS_MAX = 1048573,  // of one pool; prime
  KOI_FLOWS_MAX = 262144,        // entries of flows in slots that changed; the loader may set more
  KOI_FRAGMENTS_MAX = 16384,     // fragmented packets under way
  KOI_DEVICES_MAX = 64,          // interfaces that lead to backends
  KOI_DENIED_MAX = 131072,       // prefixes, of each family
  KOI_CPUS_MAX = 256,
  KOI_WORKER_SEATS = 2,           // of a CPU: its worker, and one that follows or leaves
  KOI_WORKER_POOLS_MAX = 256,     // counted each for itself
  KOI_WORKER_SERVICES_MAX = 256,  // likewise
  KOI_LATENCY_BUCKETS = 23,       // up to 67 s
  KOI_LATENCY_FIRST_US = 16,
  KOI_NAME_BYTES = 32,      // a name of the configuration, with its final NUL
  KOI_ENDPOINT_BYTES = 56,  // "[address]:port" as text, with its final NUL
};
