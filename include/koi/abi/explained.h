// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_explained, one entry: what the program koi_explain, which is koi_xdp but changes nothing,
// found out about the last packet it was run on. Written by koi_explain. Read by koi-manager.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/flow.h>
#include <koi/abi/ring.h>
#include <koi/abi/verdict.h>

// Which rule chose the backend.
enum koi_choice {
  KOI_CHOICE_NONE,            // none was chosen
  KOI_CHOICE_AT_REST,         // the slot is at rest
  KOI_CHOICE_ENTRY,           // the flow has an entry
  KOI_CHOICE_RETRANSMISSION,  // the SYN that made the entry, once more
  KOI_CHOICE_NEW,             // a new flow
  KOI_CHOICE_OLD,             // from before the slot moved
  KOI_CHOICE_TAKEN,           // UDP, soon after the slot moved: an old flow that gets its entry now
  KOI_CHOICE_FULL,            // a new flow, but koi_flows is full, or was a moment ago
  KOI_CHOICE_DOWN,            // where it belongs is down
};

struct koi_explained {
  enum koi_verdict verdict;
  enum koi_choice choice;
  __u32 has_service;
  __u32 service;  // its number
  __u32 pool;
  __u32 has_slot;
  __u32 slot_number;
  __u32 backend;  // that the packet would go to; 0: none
  struct koi_slot slot;
  __u32 has_flow;
  __u32 cpu;  // of a local service: where it would be steered
  struct koi_flow flow;
};
KOI_ABI_STRUCT(struct koi_explained, 80);
