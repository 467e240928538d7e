// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Local services: which CPU's worker owns a flow, and the way there.
#pragma once

#include "maps.h"
#include "packet/hash.h"

static __always_inline void count_steered(__u32 cpu, const struct packet* packet) {
  struct koi_steered* steered = bpf_map_lookup_elem(&koi_steered, &cpu);
  if (!steered) return;
  steered->packets += 1;
  steered->bytes += packet->frame_bytes;
  steered->connections += packet->opens;
}

// The CPU whose worker owns the flow; KOI_CPUS_MAX where there is none.
static __always_inline __u32 worker_cpu(const struct packet* packet,
                                        const struct koi_settings* settings) {
  const __u32 index = reduce(flow_hash(packet, settings->hash_seed), settings->cpu_count);
  if (!settings->cpu_count || index >= KOI_CPUS_MAX) return KOI_CPUS_MAX;
  return settings->cpus[index];
}

static __always_inline enum koi_verdict steer(const struct packet* packet,
                                              const struct koi_settings* settings) {
  if (settings->steering == KOI_STEERING_NEVER) return KOI_VERDICT_NOT_STEERED;

  const __u32 cpu = worker_cpu(packet, settings);
  if (cpu >= KOI_CPUS_MAX) return KOI_VERDICT_NO_CPU;
  if (packet->dry) return KOI_VERDICT_STEERED;
  if (settings->steering == KOI_STEERING_ELSEWHERE && cpu == bpf_get_smp_processor_id()) {
    count_steered(cpu, packet);
    return KOI_VERDICT_AT_WORKER;
  }
  if (bpf_redirect_map(&koi_cpus, cpu, XDP_PASS) != XDP_REDIRECT) return KOI_VERDICT_NO_CPU;
  count_steered(cpu, packet);
  return KOI_VERDICT_STEERED;
}
