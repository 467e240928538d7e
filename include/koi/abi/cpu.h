// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_cpus, a cpumap: the CPUs that koi_xdp may send a packet to, by CPU number. Written by
// koi-manager. Map koi_steered: what koi_xdp sent to each CPU, by that CPU's number; one copy for
// each CPU that sent. Written by koi_xdp. Read by koi-manager.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

struct koi_steered {
  __u64 packets;
  __u64 bytes;
  __u64 connections;  // SYNs: new connections, and their retransmissions
};
KOI_ABI_STRUCT(struct koi_steered, 24);
