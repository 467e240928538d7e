// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Local services: which listener a new connection goes to, once the kernel has the packet.
#pragma once

#include "maps.h"
#include "steer/vip.h"

enum { KOI_AF_INET = 2 };  // no UAPI header has it

// Whether the connection went to `cpu`'s listener of its family.
static __always_inline int assign(struct bpf_sk_lookup* ctx, __u32 cpu) {
  const __u32 family = ctx->family == KOI_AF_INET ? KOI_LISTENER_IP4 : KOI_LISTENER_IP6;
  const __u32 index = KOI_LISTENER_INDEX(cpu, family);
  struct bpf_sock* listener = bpf_map_lookup_elem(&koi_listeners, &index);
  if (!listener) return 0;
  const long failed = bpf_sk_assign(ctx, listener, 0);
  bpf_sk_release(listener);
  return !failed;
}

static __always_inline void assign_any(struct bpf_sk_lookup* ctx,
                                       const struct koi_settings* settings) {
  for (__u32 i = 0; i < KOI_CPUS_MAX && i < settings->cpu_count; ++i) {
    if (assign(ctx, settings->cpus[i])) return;
  }
}

// Each field is read for itself: clang would else choose the field's address first and read once,
// which the verifier refuses (seen on 6.18, "dereference of modified ctx ptr": nothing loads then).
static __always_inline struct koi_addr local_addr(const struct bpf_sk_lookup* ctx) {
  __u32 ip4 = ctx->local_ip4;
  barrier_var(ip4);
  if (ctx->family == KOI_AF_INET) return mapped(ip4);
  return (struct koi_addr){
      .words_be = {ctx->local_ip6[0], ctx->local_ip6[1], ctx->local_ip6[2], ctx->local_ip6[3]}};
}

// Gives the connection to the listener of this CPU, to which koi_xdp has sent the packet; where it
// has none just now, to another one's, so that a missing worker costs locality and no connection.
// With none at all the lookup is left to the kernel: it answers as on a host without koi (a reset),
// which tells the client at once; to drop here would say the same and hide any listener that the
// operator runs on that port as a fallback.
static __always_inline void pick_listener(struct bpf_sk_lookup* ctx) {
  if (ctx->protocol != IPPROTO_TCP) return;
  const struct koi_addr local = local_addr(ctx);
  const struct koi_vip* vip = find_vip(&local);
  const struct koi_service* service = vip ? find_service(vip, IPPROTO_TCP, ctx->local_port) : NULL;
  if (!service || !is_local(service)) return;
  if (assign(ctx, bpf_get_smp_processor_id())) return;

  const struct koi_settings* settings = find_settings();
  if (settings) assign_any(ctx, settings);
}
