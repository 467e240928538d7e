// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Hashes of a flow: which worker, which slot, which entry.
#pragma once

#include <koi/abi/flow.h>

#include "packet/packet.h"

// The product of two words, each behind its half of a key: a sum of such products (NH, RFC 4418) is
// one that nobody can steer who does not know the keys.
static __always_inline __u64 hide(__u32 a, __u32 b, __u64 key) {
  return (__u64)(a + (__u32)key) * (b + (__u32)(key >> 32));
}

// The low bits of a sum of products are weak.
static __always_inline __u64 finish(__u64 sum) {
  sum = (sum ^ sum >> 32) * 0xd6e8feb86659fd93ULL;
  return sum ^ sum >> 32;
}

static __always_inline __u64 hide_addr(const struct koi_addr* addr, __u64 first, __u64 second) {
  return hide(addr->words_be[0], addr->words_be[1], first) +
         hide(addr->words_be[2], addr->words_be[3], second);
}

// 64-bit multiplications run side by side; the odd constants make one seed into five keys.
static __always_inline __u64 hide_flow(const struct packet* packet, __u64 seed) {
  const __u64 secret = seed + 0x9e3779b97f4a7c15ULL;  // never 0 for a seed of 32 bits
  return hide_addr(&packet->src, secret * 0xbf58476d1ce4e5b9ULL, secret * 0x94d049bb133111ebULL) +
         hide_addr(&packet->dst, secret * 0xff51afd7ed558ccdULL, secret * 0xc4ceb9fe1a85ec53ULL) +
         hide(packet->src_port, packet->dst_port, secret * 0xd6e8feb86659fd93ULL);
}

// A function of addresses, ports and seed alone: every packet of a flow gives the same number,
// whatever CPU or program asks.
static __always_inline __u32 flow_hash(const struct packet* packet, __u64 seed) {
  return finish(finish(hide_flow(packet, seed))) >> 32;
}

// Likewise, of the client's address.
static __always_inline __u32 source_hash(const struct packet* packet, __u64 seed) {
  const __u64 secret = seed + 0x9e3779b97f4a7c15ULL;
  return finish(finish(hide_addr(&packet->src, secret * 0xbf58476d1ce4e5b9ULL,
                                 secret * 0x94d049bb133111ebULL))) >>
         32;
}

static __always_inline struct koi_flow_key flow_key(const struct packet* packet,
                                                    const __u64 keys[2]) {
  return (struct koi_flow_key){
      .words = {hide_flow(packet, keys[0]), hide_flow(packet, keys[1]) + packet->protocol}};
}

// 0..count-1, evenly, without a division: the high half of hash * count.
static __always_inline __u32 reduce(__u32 hash, __u32 count) { return (__u64)hash * count >> 32; }
