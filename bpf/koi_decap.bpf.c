// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// koi_decap, for backends of ipip pools that have no tunnel device: takes packets from koi hosts
// out of their outer header (RFC 2003, RFC 2473, RFC 4213) and gives them to the kernel as if they
// had come so. All else passes untouched.
#include <koi/abi/decap.h>

#include "packet/checksum.h"
#include "packet/link.h"
#include "packet/parse.h"

char koi_license[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, KOI_DECAP_PREFIXES_MAX);
  __type(key, struct koi_decap_from_key);
  __type(value, struct koi_decap_present);
} koi_decap_from SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, KOI_DECAP_ADDRESSES_MAX);
  __type(key, struct koi_addr);
  __type(value, struct koi_decap_present);
} koi_decap_here SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, KOI_DECAP_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} koi_decap_stats SEC(".maps");

#define KOI_AS_ACTION(name, action, help) [KOI_DECAP_##name] = action,
// Volatile, or clang takes it for a string and libbpf does not find its section (clang 14).
static const volatile __u8 actions[KOI_DECAP_COUNT] = {KOI_DECAPS(KOI_AS_ACTION)};
#undef KOI_AS_ACTION

static __always_inline int leave(enum koi_decap_reason reason) {
  const __u32 number = reason;
  __u64* count = bpf_map_lookup_elem(&koi_decap_stats, &number);
  if (!count || number >= KOI_DECAP_COUNT) return XDP_ABORTED;
  *count += 1;
  return actions[number];
}

static __always_inline int is_from_koi(const struct koi_addr* addr) {
  const struct koi_decap_from_key key = {.prefix_bits = 128, .addr = *addr};
  return bpf_map_lookup_elem(&koi_decap_from, &key) != NULL;
}

enum { ECN_BITS = 3, ECN_NONE = 0, ECN_1 = 1, ECN_0 = 2, ECN_MET = 3 };

// What the packet inside says afterwards (RFC 6040 4.2), or -1: it must not go on.
static __always_inline int ecn_after(__u8 outer, __u8 inner) {
  if (outer == ECN_MET) return inner == ECN_NONE ? -1 : ECN_MET;
  return outer == ECN_1 && inner == ECN_0 ? ECN_1 : inner;
}

static __always_inline enum koi_decap_reason settle_ecn4(struct iphdr* inner, __u8 outer_ecn) {
  const int ecn = ecn_after(outer_ecn, inner->tos & ECN_BITS);
  if (ecn < 0) return KOI_DECAP_BAD_ECN;
  const __u16 before = inner->tos;
  inner->tos = (inner->tos & ~ECN_BITS) | ecn;
  // RFC 1624: ~(~check + ~before + after), each the low byte of its word.
  const __u16 check = ~inner->check;
  inner->check = ~fold((__u64)check + (__u16)~bpf_htons(before) + bpf_htons((__u16)inner->tos));
  return KOI_DECAP_TAKEN_OUT;
}

static __always_inline enum koi_decap_reason settle_ecn6(struct ipv6hdr* inner, __u8 outer_ecn) {
  const int ecn = ecn_after(outer_ecn, inner->flow_lbl[0] >> 4 & ECN_BITS);
  if (ecn < 0) return KOI_DECAP_BAD_ECN;
  inner->flow_lbl[0] = (inner->flow_lbl[0] & ~(ECN_BITS << 4)) | ecn << 4;
  return KOI_DECAP_TAKEN_OUT;
}

static __always_inline __u8 ecn_of(const struct packet* outer, const void* header) {
  if (!outer->is_ip6) return ((const struct iphdr*)header)->tos & ECN_BITS;
  return ((const struct ipv6hdr*)header)->flow_lbl[0] >> 4 & ECN_BITS;
}

// The packet inside must be whole within the outer one; the rest of it the kernel judges.
static __always_inline enum koi_decap_reason settle_inner(struct cursor* rest,
                                                          const struct packet* outer,
                                                          __u8 outer_ecn) {
  const __u32 inside = outer->ip_bytes - outer->header_bytes;
  if (outer->protocol == IPPROTO_IPIP) {
    struct iphdr* inner = take(rest, sizeof(*inner));
    if (!inner || inner->version != 4 || inner->ihl < 5) return KOI_DECAP_BAD_INNER;
    if (bpf_ntohs(inner->tot_len) > inside) return KOI_DECAP_BAD_INNER;
    return settle_ecn4(inner, outer_ecn);
  }
  struct ipv6hdr* inner = take(rest, sizeof(*inner));
  if (!inner || inner->version != 6) return KOI_DECAP_BAD_INNER;
  if (sizeof(*inner) + bpf_ntohs(inner->payload_len) > inside) return KOI_DECAP_BAD_INNER;
  return settle_ecn6(inner, outer_ecn);
}

static __always_inline enum koi_decap_reason judge_outer(struct cursor* rest, struct packet* outer,
                                                         __u32 frame_bytes) {
  if (parse_destination(rest, outer) != KOI_UNDECIDED) return KOI_DECAP_NO_TUNNEL;
  begin_rest(outer, frame_bytes);
  if (outer->protocol != IPPROTO_IPIP && outer->protocol != IPPROTO_IPV6) {
    return KOI_DECAP_NO_TUNNEL;
  }
  if (!bpf_map_lookup_elem(&koi_decap_here, &outer->dst)) return KOI_DECAP_OTHER_HOST;
  if (!is_from_koi(&outer->src)) return KOI_DECAP_OTHER_SOURCE;
  if (outer->has_more) return KOI_DECAP_OUTER_OPTIONS;
  if (outer->version != (outer->is_ip6 ? 6 : 4)) return KOI_DECAP_BAD_OUTER;
  if (outer->header_bytes < sizeof(struct iphdr)) return KOI_DECAP_BAD_OUTER;
  if (outer->ip_bytes < outer->header_bytes) return KOI_DECAP_BAD_OUTER;
  if (outer->ip_bytes > outer->present_bytes) return KOI_DECAP_BAD_OUTER;
  return KOI_DECAP_UNDECIDED;
}

static __always_inline enum koi_decap_reason take_out(struct xdp_md* ctx) {
  struct cursor rest = frame_of(ctx);
  struct packet outer = {};
  enum koi_decap_reason reason = judge_outer(&rest, &outer, bpf_xdp_get_buff_len(ctx));
  if (reason != KOI_DECAP_UNDECIDED) return reason;
  struct headers headers;
  if (!find_headers(ctx, &outer, &headers)) return KOI_DECAP_BAD_OUTER;
  if (!outer.is_ip6 && fold(sum_ip4(headers.ip)) != 0xffff) return KOI_DECAP_BAD_OUTER;
  const struct ethhdr link = *headers.eth;
  reason = settle_inner(&rest, &outer, ecn_of(&outer, headers.ip));
  if (reason != KOI_DECAP_TAKEN_OUT) return reason;

  const int shrink = outer.is_ip6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
  if (bpf_xdp_adjust_head(ctx, shrink)) return KOI_DECAP_BAD_OUTER;
  struct cursor frame = frame_of(ctx);
  const __be16 type_be =
      outer.protocol == IPPROTO_IPIP ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
  const void* inner = write_link_header(&frame, &outer, link.h_dest, link.h_source, type_be);
  return inner ? KOI_DECAP_TAKEN_OUT : KOI_DECAP_BAD_OUTER;
}

SEC("xdp.frags")
int koi_decap(struct xdp_md* ctx) { return leave(take_out(ctx)); }
