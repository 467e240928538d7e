// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Local services: which CPU's worker owns a flow, and the way there.
#pragma once

#include "maps.h"
#include "packet/parse.h"

// The product of two words, each behind its half of a key: a sum of such products (NH, RFC 4418) is
// one that nobody can steer who does not know the keys.
static __always_inline __u64 hide(__u32 a, __u32 b, __u64 key) {
  return (__u64)(a + (__u32)key) * (b + (__u32)(key >> 32));
}

// A function of addresses, ports and seed alone: every packet of a flow gives the same number,
// whatever CPU or program asks. 64-bit multiplications run side by side; the odd constants make one
// seed into five keys.
static __always_inline __u32 flow_hash(const struct packet* packet, __u32 seed) {
  const __be32* src = packet->src.words_be;
  const __be32* dst = packet->dst.words_be;
  const __u64 secret = seed + 0x9e3779b97f4a7c15ULL;  // never 0
  __u64 sum = hide(src[0], src[1], secret * 0xbf58476d1ce4e5b9ULL) +
              hide(src[2], src[3], secret * 0x94d049bb133111ebULL) +
              hide(dst[0], dst[1], secret * 0xff51afd7ed558ccdULL) +
              hide(dst[2], dst[3], secret * 0xc4ceb9fe1a85ec53ULL) +
              hide(packet->src_port, packet->dst_port, secret * 0xd6e8feb86659fd93ULL);
  sum = (sum ^ sum >> 32) * 0xd6e8feb86659fd93ULL;  // the low bits of a sum of products are weak
  sum = (sum ^ sum >> 32) * 0xd6e8feb86659fd93ULL;
  return sum >> 32;
}

static __always_inline void count_steered(__u32 cpu, const struct packet* packet) {
  struct koi_steered* steered = bpf_map_lookup_elem(&koi_steered, &cpu);
  if (!steered) return;
  steered->packets += 1;
  steered->bytes += packet->frame_bytes;
  steered->connections += packet->opens;
}

static __always_inline enum koi_verdict steer(const struct packet* packet,
                                              const struct koi_settings* settings) {
  if (settings->steering == KOI_STEERING_NEVER) return KOI_VERDICT_NOT_STEERED;

  // The high half of hash * count: 0..count-1, evenly, without a division.
  const __u64 hash = flow_hash(packet, settings->hash_seed);
  const __u64 index = hash * settings->cpu_count >> 32;
  if (!settings->cpu_count || index >= KOI_CPUS_MAX) return KOI_VERDICT_NO_CPU;

  const __u32 cpu = settings->cpus[index];
  if (settings->steering == KOI_STEERING_ELSEWHERE && cpu == bpf_get_smp_processor_id()) {
    count_steered(cpu, packet);
    return KOI_VERDICT_AT_WORKER;
  }
  if (bpf_redirect_map(&koi_cpus, cpu, XDP_PASS) != XDP_REDIRECT) return KOI_VERDICT_NO_CPU;
  count_steered(cpu, packet);
  return KOI_VERDICT_STEERED;
}
