// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Maps of koi_decap, the program on a backend that takes packets of ipip pools out of their outer
// header. It shares none with koi_xdp. Map koi_decap_from, a trie of longest prefix: who may send
// such packets. Map koi_decap_here, a hash: the addresses of the host, where they must be for. Map
// koi_decap_stats: how often it left a packet for each reason, by number; one copy a CPU.
// The first two are written by koi-decap and read by the program, the last one the other way.
#pragma once

#include <koi/abi/abi.h>

enum {
  KOI_DECAP_PREFIXES_MAX = 1024,
  KOI_DECAP_ADDRESSES_MAX = 4096,
};

struct koi_decap_from_key {
  __u32 prefix_bits;     // of 128: an IPv4 prefix has 96 more than people write
  struct koi_addr addr;  // whole
};
KOI_ABI_STRUCT(struct koi_decap_from_key, 20);

// The value of both maps says nothing.
struct koi_decap_present {
  __u32 present;
};
KOI_ABI_STRUCT(struct koi_decap_present, 4);

// The order is ABI: append only.
#define KOI_DECAPS(X)                                                                           \
  X(NO_TUNNEL, XDP_PASS, "No IP in IP; left to the kernel")                                     \
  X(OTHER_HOST, XDP_PASS, "IP in IP for an address that this host has not; left to the kernel") \
  X(OTHER_SOURCE, XDP_PASS, "IP in IP, but from no koi host; left to the kernel")               \
  X(OUTER_OPTIONS, XDP_PASS, "IP in IP with options or in pieces; left to the kernel")          \
  X(BAD_OUTER, XDP_DROP, "Its outer header has an impossible length or checksum")               \
  X(BAD_INNER, XDP_DROP, "What is inside is no packet of the family the outer header says")     \
  X(BAD_ECN, XDP_DROP, "Congestion was met on the way by a packet that cannot tell (RFC 6040)") \
  X(TAKEN_OUT, XDP_PASS, "The packet inside was given to the kernel")

#define KOI_AS_DECAP(name, action, help) KOI_DECAP_##name,
enum koi_decap_reason {
  KOI_DECAPS(KOI_AS_DECAP) KOI_DECAP_COUNT,
  KOI_DECAP_UNDECIDED = KOI_DECAP_COUNT,
};
#undef KOI_AS_DECAP
