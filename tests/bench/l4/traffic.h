// SPDX-License-Identifier: Apache-2.0
// What the driver sends through koi_xdp: compiled by clang -target bpf and by C++.
#pragma once

#include <linux/types.h>

enum {
  L4_FRAME_BYTES = 96,  // of each frame: headers and some payload
  L4_PORTS = 16384,     // of one source address, from L4_FIRST_PORT on
  L4_FIRST_PORT = 2048,
};

// Map l4_traffic, one entry. Written by koi-bench; the driver counts in it.
struct l4_traffic {
  __u32 is_ip6;
  __u32 flows;  // drawn by lot among so many; 0: each packet is of the next one, from `next` on
  __u32 next;
  __u32 lot;      // the last one drawn; never 0
  __u32 ifindex;  // 0: the frame goes through the program in l4_target; else out of this interface
  __u32 pad;
  __u8 frame[L4_FRAME_BYTES];  // that source address and port are written into
};
