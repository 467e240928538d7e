// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Whose packet it is: the VIP, its service, and whether this host is master of its group.
#pragma once

#include "maps.h"
#include "packet/packet.h"

static __always_inline const struct koi_settings* find_settings(void) {
  const __u32 only = 0;
  return bpf_map_lookup_elem(&koi_settings, &only);
}

static __always_inline const struct koi_vip* find_vip(const struct koi_addr* addr) {
  const struct koi_vip_key key = {.addr = *addr};
  return bpf_map_lookup_elem(&koi_vips, &key);
}

// The service of this very port, else the one of any port.
static __always_inline const struct koi_service* find_service(const struct koi_vip* vip,
                                                              __u8 protocol, __u16 port) {
  struct koi_service_key key = {.vip_number = vip->number, .port = port, .protocol = protocol};
  const struct koi_service* service = bpf_map_lookup_elem(&koi_services, &key);
  if (service || !(vip->flags & KOI_VIP_ANY_PORT)) return service;
  key.port = 0;
  return bpf_map_lookup_elem(&koi_services, &key);
}

static __always_inline int is_local(const struct koi_service* service) {
  return service->mode == KOI_SERVICE_HTTP || service->mode == KOI_SERVICE_TCP;
}

static __always_inline void count_vip(const struct koi_vip* vip, const struct packet* packet) {
  const __u32 number = vip->number;
  struct koi_vip_stats* stats = bpf_map_lookup_elem(&koi_vip_stats, &number);
  if (!stats) return;
  stats->packets += 1;
  stats->bytes += packet->frame_bytes;
}

// A NIC in promiscuous mode, or a bridge port, shows frames for others; to take one of those, or a
// multicast one, would answer it twice. While our own MAC is not known (all zero) no frame is ours.
static __always_inline int is_for_us(const struct ethhdr* eth,
                                     const struct koi_settings* settings) {
  const __u8* own = settings->own_mac;
  const __u8* to = eth->h_dest;
  if (!(own[0] | own[1] | own[2] | own[3] | own[4] | own[5])) return 0;
  return to[0] == own[0] && to[1] == own[1] && to[2] == own[2] && to[3] == own[3] &&
         to[4] == own[4] && to[5] == own[5];
}

static __always_inline int is_gate_open(const struct koi_vip* vip,
                                        const struct koi_settings* settings) {
  const __u32 group = vip->group;
  const struct koi_gate* gate = bpf_map_lookup_elem(&koi_gates, &group);
  if (!gate) return 0;
  return bpf_ktime_get_coarse_ns() + settings->clock_offset_ns < gate->master_until_ns;
}
