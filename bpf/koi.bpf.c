// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// koi's BPF object: koi_xdp sees every frame of the interface before the kernel has allocated
// anything, koi_sk_lookup every connection that the kernel looks for a listener for.
#include "base.h"
#include "maps.h"
#include "packet/parse.h"
#include "steer/listener.h"
#include "steer/vip.h"
#include "steer/worker.h"

char koi_license[] SEC("license") = "Dual BSD/GPL";

// The only way out of koi_xdp: counts the verdict and answers with its action.
static __always_inline int leave(enum koi_verdict verdict) {
  const __u32 number = verdict;
  __u64* count = bpf_map_lookup_elem(&koi_verdicts, &number);
  if (count) *count += 1;

#define KOI_AS_CASE(name, action, help) \
  case KOI_VERDICT_##name: return action;
  switch (verdict) {
    KOI_VERDICTS(KOI_AS_CASE)
    default: return XDP_ABORTED;  // no step leaves a packet undecided
  }
#undef KOI_AS_CASE
}

static __always_inline enum koi_verdict serve(const struct packet* packet,
                                              const struct koi_vip* vip,
                                              const struct koi_settings* settings) {
  const struct koi_service* service = find_service(vip, packet->protocol, packet->dst_port);
  if (!service) return KOI_VERDICT_NO_SERVICE;
  if (!is_gate_open(vip, settings)) return KOI_VERDICT_GATE_CLOSED_LOCAL;

  switch (service->mode) {
    case KOI_SERVICE_HTTP:
    case KOI_SERVICE_TCP: return steer(packet, settings);
    default: return KOI_VERDICT_NO_SERVICE;  // of a newer koi; its loader refuses our maps
  }
}

static __always_inline enum koi_verdict decide(struct xdp_md* ctx) {
  struct cursor rest = {.at = (void*)(long)ctx->data, .end = (void*)(long)ctx->data_end};
  struct packet packet = {};
  enum koi_verdict verdict = parse_destination(&rest, &packet);
  if (verdict != KOI_UNDECIDED) return verdict;
  const struct koi_vip* vip = find_vip(&packet.dst);
  if (!vip) return KOI_VERDICT_NOT_OURS;

  count_vip(vip, &packet);
  const struct koi_settings* settings = find_settings();
  if (!settings || !is_for_us(&packet, settings)) return KOI_VERDICT_OTHER_MAC;
  verdict = parse_rest(&rest, &packet);
  if (verdict != KOI_UNDECIDED) return verdict;
  return serve(&packet, vip, settings);
}

SEC("xdp")
int koi_xdp(struct xdp_md* ctx) { return leave(decide(ctx)); }

SEC("sk_lookup")
int koi_sk_lookup(struct bpf_sk_lookup* ctx) {
  pick_listener(ctx);
  return SK_PASS;
}
