// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_settings, one entry: what the programs need to know and what may change at run time.
// Written by koi-manager. Read by koi_xdp and koi_sk_lookup.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

// Which packets of local services are redirected to their worker's CPU.
enum koi_steering {
  KOI_STEERING_ALWAYS,
  KOI_STEERING_ELSEWHERE,  // those that came in on another CPU
  KOI_STEERING_NEVER,      // the kernel takes them where they came in
};

// Sources of the packets that carry others to backends: `addr`, its lowest bits replaced by as many
// of the flow's hash, so that a receiver's NIC spreads flows over its queues. `spread` is the mask
// of these bits, of the last 32; 0: the address alone. An address of zeros: there is none.
struct koi_tunnel_source {
  struct koi_addr addr;
  __u32 spread;
};
KOI_ABI_STRUCT(struct koi_tunnel_source, 20);

struct koi_settings {
  __u32 abi_version;      // KOI_ABI_VERSION of who made the maps
  __u32 hash_seed;        // random: a client must not be able to choose its worker
  __s64 clock_offset_ns;  // added to the programs' clock; 0 outside tests
  __u8 own_mac[6];        // of the interface; a frame for another MAC is not ours
  __u16 cpu_count;        // how many entries of `cpus` count; 0: nothing is steered
  enum koi_steering steering;
  __u32 deny;  // 1: koi_deny4 or koi_deny6 has an entry

  // Of l4 services. Both hosts have the same `ring_seed`, so that a flow is in the same slot on
  // each; `flow_keys` are this host's own.
  __u64 ring_seed;
  __u64 flow_keys[2];
  struct koi_tunnel_source tunnel4;
  struct koi_tunnel_source tunnel6;
  struct koi_addr own_ip4;  // of the interface: no client
  struct koi_addr own_ip6;
  __u32 icmp_per_second;  // answers (too big) that each CPU may send; 0: none
  __u32 pad;

  // How long what takes. A slot rests again when for `idle_tcp_ns` (a pool with UDP services alone:
  // `idle_udp_ns`) nobody needed that it moved; it is moved `handshake_ns` before a planned change.
  // After koi_flows was full, new flows go to `previous`: for `full_ns` without an entry, for
  // `handshake_ns` more with one. UDP flows are taken over for `idle_udp_ns`.
  __u64 idle_tcp_ns;
  __u64 idle_udp_ns;
  __u64 handshake_ns;
  __u64 full_ns;

  __u16 cpus[KOI_CPUS_MAX];  // the CPUs that have a worker, ascending
};
KOI_ABI_STRUCT(struct koi_settings, 168 + 2 * KOI_CPUS_MAX);
