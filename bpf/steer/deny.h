// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Clients that get nothing.
#pragma once

#include "maps.h"
#include "packet/packet.h"

static __always_inline int is_denied(const struct packet* packet) {
  if (packet->is_ip6) {
    const struct koi_deny6_key key = {.prefix_bits = 128, .addr = packet->src};
    return bpf_map_lookup_elem(&koi_deny6, &key) != NULL;
  }
  const struct koi_deny4_key key = {.prefix_bits = 32, .addr_be = packet->src.words_be[3]};
  return bpf_map_lookup_elem(&koi_deny4, &key) != NULL;
}
