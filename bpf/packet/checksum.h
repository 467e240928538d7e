// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The Internet checksum (RFC 1071) of short headers.
#pragma once

#include "base.h"

static __always_inline __u16 fold(__u64 sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

// Of the 20 bytes of an IPv4 header without options: five words, added with their carries above.
static __always_inline __u64 sum_ip4(const struct iphdr* ip) {
  const __u32* words = (const __u32*)ip;
  return (__u64)words[0] + words[1] + words[2] + words[3] + words[4];
}

// Of a header of at most 60 bytes, copied first: no helper sums a length of the frame that varies.
// Global, so that it has a stack of its own.
__noinline __u32 koi_sum_header(struct xdp_md* ctx, __u32 offset, __u32 bytes) {
  __be32 header[15] = {};
  bytes &= 0x3c;
  if (!bytes || bpf_xdp_load_bytes(ctx, offset, header, bytes)) return 0;
  return fold(bpf_csum_diff(NULL, 0, header, sizeof(header), 0));
}

// One hop fewer. The field is the high byte of its word, so the checksum grows by 0x0100
// (RFC 1624).
static __always_inline void decrement_ttl(struct iphdr* ip) {
  __u32 check = (__u32)ip->check + bpf_htons(0x0100);
  ip->check = check + (check >= 0xffff);
  ip->ttl -= 1;
}
