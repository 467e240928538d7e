// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// koi's BPF object: koi_xdp sees every frame of the interface before the kernel has allocated
// anything, koi_sk_lookup every connection that the kernel looks for a listener for. koi_explain is
// koi_xdp for people who ask: it says what it found, and changes nothing.
#include "forward/serve.h"
#include "packet/judge.h"
#include "packet/parse.h"
#include "steer/deny.h"
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

static __always_inline void explain_service(const struct koi_service* service,
                                            const struct packet* packet,
                                            const struct koi_settings* settings) {
  struct koi_explained* out = find_explained();
  if (!out) return;
  out->has_service = 1;
  out->service = service->number;
  out->pool = service->pool;
  out->cpu = is_local(service) ? worker_cpu(packet, settings) : 0;
}

static __always_inline enum koi_verdict serve_local(const struct packet* packet,
                                                    const struct koi_settings* settings) {
  if (packet->fragment) return KOI_VERDICT_FRAGMENT_LOCAL;
  if (packet->about) return KOI_VERDICT_ICMP_LOCAL;
  if (packet->has_more) return KOI_VERDICT_OPTIONS_LOCAL;
  if (packet->vlan_tags) return KOI_VERDICT_TAGGED_LOCAL;
  return steer(packet, settings);
}

// It has no port: who knows where its first piece went?
static __always_inline enum koi_verdict serve_fragment(struct xdp_md* ctx, struct packet* packet,
                                                       const struct koi_vip* vip,
                                                       const struct koi_settings* settings) {
  const int local = vip->flags & KOI_VIP_LOCAL;
  if (!is_gate_open(vip, settings)) {
    return local ? KOI_VERDICT_FRAGMENT_LOCAL : KOI_VERDICT_GATE_CLOSED_L4;
  }
  const enum koi_verdict verdict = koi_serve_l4(ctx, packet);
  return local && verdict == KOI_VERDICT_FRAGMENT_UNKNOWN ? KOI_VERDICT_FRAGMENT_LOCAL : verdict;
}

static __always_inline enum koi_verdict serve(struct xdp_md* ctx, struct packet* packet,
                                              const struct koi_vip* vip,
                                              const struct koi_settings* settings) {
  if (packet->later_fragment) return serve_fragment(ctx, packet, vip, settings);
  const struct koi_service* service = find_service(vip, packet->protocol, packet->dst_port);
  if (!service) {
    if (!(vip->flags & KOI_VIP_L4) || vip->flags & KOI_VIP_LOCAL) return KOI_VERDICT_NO_SERVICE;
    return KOI_VERDICT_NO_L4_SERVICE;
  }
  if (packet->dry) explain_service(service, packet, settings);
  const int local = is_local(service);
  if (!is_gate_open(vip, settings)) {
    return local ? KOI_VERDICT_GATE_CLOSED_LOCAL : KOI_VERDICT_GATE_CLOSED_L4;
  }
  if (local) return serve_local(packet, settings);
  // A mode of a newer koi cannot be: its loader refuses our maps.
  packet->pool = service->pool;
  return koi_serve_l4(ctx, packet);
}

static __always_inline enum koi_verdict decide(struct xdp_md* ctx, struct packet* packet) {
  struct cursor rest = frame_of(ctx);
  const struct ethhdr* eth = rest.at;
  enum koi_verdict verdict = parse_destination(&rest, packet);
  if (verdict != KOI_UNDECIDED) return verdict;
  const struct koi_vip* vip = find_vip(&packet->dst);
  if (!vip) return KOI_VERDICT_NOT_OURS;

  begin_rest(packet, bpf_xdp_get_buff_len(ctx));
  packet->vip_number = vip->number;
  if (!packet->dry) count_vip(vip, packet);
  const struct koi_settings* settings = find_settings();
  if (!settings || !is_for_us(eth, settings)) return KOI_VERDICT_OTHER_MAC;
  if (settings->deny && is_denied(packet)) return KOI_VERDICT_DENIED;
  verdict = parse_rest(ctx, &rest, packet, vip, settings);
  if (verdict != KOI_UNDECIDED) return verdict;
  return serve(ctx, packet, vip, settings);
}

// For frames of one buffer. With SEC("xdp.frags") it could take more from a driver, but in generic
// mode most of what goes to a cpumap is lost then (seen on 6.18: SYNs that never arrive), and the
// kernel lets programs of both kinds share no cpumap. Where frames are larger, drivers refuse the
// program, and generic mode makes each frame one buffer.
SEC("xdp")
int koi_xdp(struct xdp_md* ctx) {
  struct packet packet;
  packet.dry = 0;
  return leave(decide(ctx, &packet));
}

SEC("xdp")
int koi_explain(struct xdp_md* ctx) {
  struct packet packet;
  packet.dry = 1;
  struct koi_explained* out = find_explained();
  if (!out) return XDP_ABORTED;
  __builtin_memset(out, 0, sizeof(*out));
  out->verdict = decide(ctx, &packet);
  return XDP_PASS;
}

SEC("sk_lookup")
int koi_sk_lookup(struct bpf_sk_lookup* ctx) {
  pick_listener(ctx);
  return SK_PASS;
}
