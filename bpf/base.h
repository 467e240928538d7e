// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What every file of koi's BPF programs needs: UAPI headers, libbpf's helpers, a bounded cursor.
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stddef.h>

// libbpf's come after the UAPI headers whose types they use.
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

// The part of a frame that is not read yet.
struct cursor {
  void* at;
  void* end;
};

static __always_inline struct cursor frame_of(const struct xdp_md* ctx) {
  return (struct cursor){.at = (void*)(long)ctx->data, .end = (void*)(long)ctx->data_end};
}

// The next `bytes` of the frame, or NULL where it ends before: the only bounds check there is.
static __always_inline void* take(struct cursor* rest, __u32 bytes) {
  void* taken = rest->at;
  if (taken + bytes > rest->end) return NULL;
  rest->at = taken + bytes;
  return taken;
}
