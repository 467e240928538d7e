// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_gates: until when this host is master of each group of VIPs, by group number.
// Written by koi-carp alone, with each renewal of the VIP leases. Read by koi_xdp.
// Past `master_until_ns` the gate is closed, whoever is still alive.
#pragma once

#include <koi/abi/abi.h>

struct koi_gate {
  __u64 master_until_ns;  // CLOCK_MONOTONIC; 0: closed
};
KOI_ABI_STRUCT(struct koi_gate, 8);
