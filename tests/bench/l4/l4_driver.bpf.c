// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Writes the frame anew, whatever became of it in the round before, and hands it to the program
// that is measured: BPF_PROG_TEST_RUN with many rounds does not restore it.
#include "traffic.h"

#include "base.h"
#include "packet/checksum.h"

char l4_license[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct l4_traffic);
} l4_traffic SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} l4_target SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} l4_arrived SEC(".maps");

static __always_inline __u32 next_flow(struct l4_traffic* traffic) {
  if (!traffic->flows) return traffic->next++;
  __u32 lot = traffic->lot;
  lot ^= lot << 13;
  lot ^= lot >> 17;
  lot ^= lot << 5;
  traffic->lot = lot;
  return (__u64)lot * traffic->flows >> 32;
}

static __always_inline void write_flow(void* frame, const struct l4_traffic* traffic, __u32 flow) {
  const __be32 source = bpf_htonl(flow / L4_PORTS);
  const __be16 port = bpf_htons(L4_FIRST_PORT + flow % L4_PORTS);
  void* ip = frame + sizeof(struct ethhdr);
  if (traffic->is_ip6) {
    ((struct ipv6hdr*)ip)->saddr.in6_u.u6_addr32[3] |= source;
    ((struct udphdr*)(ip + sizeof(struct ipv6hdr)))->source = port;
    return;
  }
  struct iphdr* ip4 = ip;
  ip4->saddr |= source;
  ip4->check = 0;
  ip4->check = ~fold(sum_ip4(ip4));
  ((struct udphdr*)(ip + sizeof(struct iphdr)))->source = port;
}

SEC("xdp")
int l4_driver(struct xdp_md* ctx) {
  const __u32 only = 0;
  struct l4_traffic* traffic = bpf_map_lookup_elem(&l4_traffic, &only);
  if (!traffic) return XDP_ABORTED;
  const long longer = (long)ctx->data_end - (long)ctx->data - L4_FRAME_BYTES;
  if (longer && bpf_xdp_adjust_head(ctx, longer)) return XDP_ABORTED;
  void* frame = (void*)(long)ctx->data;
  if (frame + L4_FRAME_BYTES > (void*)(long)ctx->data_end) return XDP_ABORTED;

  __builtin_memcpy(frame, traffic->frame, L4_FRAME_BYTES);
  write_flow(frame, traffic, next_flow(traffic));
  if (traffic->ifindex) return bpf_redirect(traffic->ifindex, 0);
  bpf_tail_call(ctx, &l4_target, 0);
  return XDP_ABORTED;
}

SEC("xdp")
int l4_empty(struct xdp_md* ctx) {
  (void)ctx;
  return XDP_TX;
}

// At the far end: counts what arrives, and ends it.
SEC("xdp")
int l4_sink(struct xdp_md* ctx) {
  (void)ctx;
  const __u32 only = 0;
  __u64* arrived = bpf_map_lookup_elem(&l4_arrived, &only);
  if (arrived) *arrived += 1;
  return XDP_DROP;
}
