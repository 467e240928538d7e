// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// koi's BPF object: koi_xdp sees every frame of the interface before the kernel has allocated
// anything, koi_sk_lookup every connection that the kernel looks for a listener for. koi_explain is
// koi_xdp for people who ask: it says what it found, and changes nothing.
#include "balance/fragments.h"
#include "balance/ring.h"
#include "forward/forward.h"
#include "packet/judge.h"
#include "packet/parse.h"
#include "steer/deny.h"
#include "steer/explain.h"
#include "steer/listener.h"
#include "steer/vip.h"
#include "steer/worker.h"

char koi_license[] SEC("license") = "Dual BSD/GPL";

#define KOI_AS_ACTION(name, action, help) [KOI_VERDICT_##name] = action,
// Volatile, or clang takes it for a string and libbpf does not find its section (clang 14).
static const volatile __u8 actions[KOI_VERDICT_COUNT] = {KOI_VERDICTS(KOI_AS_ACTION)};
#undef KOI_AS_ACTION

// The only way out of koi_xdp: counts the verdict and answers with its action.
static __always_inline int leave(enum koi_verdict verdict) {
  const __u32 number = verdict;
  __u64* count = bpf_map_lookup_elem(&koi_verdicts, &number);
  if (!count || number >= KOI_VERDICT_COUNT) return XDP_ABORTED;  // a step left it undecided
  *count += 1;
  return actions[number];
}

static __always_inline enum koi_verdict serve_l4(struct xdp_md* ctx, struct packet* packet,
                                                 struct choice* choice, const struct koi_vip* vip) {
  const __u32 number = choice->service->pool;
  choice->pool = bpf_map_lookup_elem(&koi_pools, &number);
  if (!choice->pool) return KOI_VERDICT_NO_BACKEND;
  choose_backend(packet, choice);
  note_fragment(packet, choice);
  if (choice->is_new && !choice->dry) count_new_flow(vip);
  return forward(ctx, packet, choice);
}

static __always_inline enum koi_verdict serve_local(const struct packet* packet,
                                                    const struct koi_settings* settings, int dry) {
  if (packet->fragment) return KOI_VERDICT_FRAGMENT_LOCAL;
  if (packet->about) return KOI_VERDICT_ICMP_LOCAL;
  if (packet->has_more) return KOI_VERDICT_OPTIONS_LOCAL;
  if (packet->vlan_tags) return KOI_VERDICT_TAGGED_LOCAL;
  return steer(packet, settings, dry);
}

static __always_inline enum koi_verdict serve_fragment(struct xdp_md* ctx, struct packet* packet,
                                                       struct choice* choice,
                                                       const struct koi_vip* vip) {
  if (follow_fragment(packet, choice)) {
    if (!is_gate_open(vip, choice->settings)) return KOI_VERDICT_GATE_CLOSED_L4;
    return forward(ctx, packet, choice);
  }
  return vip->flags & KOI_VIP_LOCAL ? KOI_VERDICT_FRAGMENT_LOCAL : KOI_VERDICT_FRAGMENT_UNKNOWN;
}

static __always_inline enum koi_verdict serve(struct xdp_md* ctx, struct packet* packet,
                                              struct choice* choice, const struct koi_vip* vip) {
  if (packet->later_fragment) return serve_fragment(ctx, packet, choice, vip);
  choice->service = find_service(vip, packet->protocol, packet->dst_port);
  if (!choice->service) {
    if (!(vip->flags & KOI_VIP_L4) || vip->flags & KOI_VIP_LOCAL) return KOI_VERDICT_NO_SERVICE;
    return KOI_VERDICT_NO_L4_SERVICE;
  }
  const int local = is_local(choice->service);
  if (!is_gate_open(vip, choice->settings)) {
    return local ? KOI_VERDICT_GATE_CLOSED_LOCAL : KOI_VERDICT_GATE_CLOSED_L4;
  }
  if (local) return serve_local(packet, choice->settings, choice->dry);
  // A mode of a newer koi cannot be: its loader refuses our maps.
  return serve_l4(ctx, packet, choice, vip);
}

static __always_inline enum koi_verdict decide(struct xdp_md* ctx, struct packet* packet,
                                               struct choice* choice) {
  struct cursor rest = frame_of(ctx);
  enum koi_verdict verdict = parse_destination(&rest, packet);
  if (verdict != KOI_UNDECIDED) return verdict;
  const struct koi_vip* vip = find_vip(&packet->dst);
  if (!vip) return KOI_VERDICT_NOT_OURS;

  packet->frame_bytes = bpf_xdp_get_buff_len(ctx);
  packet->present_bytes = packet->frame_bytes - packet->ip_offset;
  if (!choice->dry) count_vip(vip, packet);
  const struct koi_settings* settings = find_settings();
  if (!settings || !is_for_us(packet, settings)) return KOI_VERDICT_OTHER_MAC;
  choice->settings = settings;
  if (settings->deny && is_denied(packet)) return KOI_VERDICT_DENIED;
  verdict = parse_rest(ctx, &rest, packet, vip, settings);
  if (verdict != KOI_UNDECIDED) return verdict;
  return serve(ctx, packet, choice, vip);
}

SEC("xdp.frags")
int koi_xdp(struct xdp_md* ctx) {
  struct packet packet = {};
  struct choice choice = {};
  return leave(decide(ctx, &packet, &choice));
}

SEC("xdp.frags")
int koi_explain(struct xdp_md* ctx) {
  struct packet packet = {};
  struct choice choice = {.dry = 1};
  explain(decide(ctx, &packet, &choice), &packet, &choice);
  return XDP_PASS;
}

SEC("sk_lookup")
int koi_sk_lookup(struct bpf_sk_lookup* ctx) {
  pick_listener(ctx);
  return SK_PASS;
}
