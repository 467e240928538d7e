// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Maps koi_deny4 and koi_deny6, tries of longest prefix: clients that get nothing from any VIP.
// Written by koi-manager. Read by koi_xdp, and only while koi_settings says that there are any.
#pragma once

#include <koi/abi/abi.h>

struct koi_deny4_key {
  __u32 prefix_bits;
  __be32 addr_be;
};
KOI_ABI_STRUCT(struct koi_deny4_key, 8);

struct koi_deny6_key {
  __u32 prefix_bits;
  struct koi_addr addr;
};
KOI_ABI_STRUCT(struct koi_deny6_key, 20);

struct koi_deny {
  __u32 since;  // CLOCK_REALTIME, seconds: for people
};
KOI_ABI_STRUCT(struct koi_deny, 4);
