// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_backends: every backend of every pool, by number; mmapable.
// Written by koi-manager. Read by workers (mapped read-only), by koi_xdp and by people.
//
// Number 0 is never a backend: its `sequence` goes up whenever a backend is added or removed or
// gets another weight or limit, so that a reader knows when to look for its pool's members again.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

enum koi_backend_admin {
  KOI_BACKEND_ABSENT,  // the entry is free
  KOI_BACKEND_ENABLED,
  KOI_BACKEND_DRAINING,  // no new request; running ones end by themselves
};

enum koi_backend_health {
  KOI_BACKEND_UNKNOWN,  // not checked yet: gets no traffic
  KOI_BACKEND_UP,
  KOI_BACKEND_DOWN,
};

enum koi_backend_origin {
  KOI_BACKEND_FROM_FILE,
  KOI_BACKEND_FROM_CLI,
};

// A seqlock guards coming and going: `sequence` is odd while a backend is put into the entry or
// taken out of it. A reader copies the entry and takes the copy only when it saw the same even
// number before and after. What changes of a backend that stays (admin, health, weight, origin,
// limit, time) is stored without the lock, one field at a time: whatever happens to the writer, an
// entry that is there can be read.
//
// The first 64 bytes are all that koi_xdp reads.
struct koi_backend {
  __u32 sequence;
  __u32 incarnation;  // goes up when the number is given to another backend
  enum koi_backend_admin admin;
  enum koi_backend_health health;
  struct koi_addr addr;
  // The way to a backend of an l4 pool, as the kernel's routes and neighbours have it. Each MAC is
  // stored with what follows it as one word.
  __u8 to_mac[6];    // of the backend, or of the router before it
  __u16 mtu;         // of the way there
  __u8 from_mac[6];  // of the interface that leads there
  __u16 pad;
  __u32
      egress_ifindex;  // that interface; 0: the way is not known; KOI_EGRESS_HERE: it is this host
  __u32 pool;          // number of its pool, from 0
  __u32 weight;
  enum koi_backend_origin origin;

  __u64 up_since_ns;      // CLOCK_MONOTONIC: when it last became enabled and up; 0: never
  __u32 connections_max;  // in use at once, over all workers; 0: any number
  __u16 port;
  __u16 pad2;
  char name[KOI_NAME_BYTES];
  char pool_name[KOI_NAME_BYTES];
  char endpoint[KOI_ENDPOINT_BYTES];
  __u8 pad3[56];
};
KOI_ABI_STRUCT(struct koi_backend, 256);

// The index of no interface.
#define KOI_EGRESS_HERE 0xffffffffU
