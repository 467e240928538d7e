// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_services: what happens to a connection or datagram to a VIP's port.
// Written by koi-manager. Read by koi_xdp and koi_sk_lookup.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

struct koi_service_key {
  __u32 vip_number;
  __u16 port;     // host order: people read it; 0: any that has no service of its own (l4)
  __u8 protocol;  // IPPROTO_TCP, IPPROTO_UDP
  __u8 pad;
};
KOI_ABI_STRUCT(struct koi_service_key, 8);

// A local service is one whose connections a worker of this host terminates.
enum koi_service_mode {
  KOI_SERVICE_NONE,
  KOI_SERVICE_HTTP,
  KOI_SERVICE_TCP,
  KOI_SERVICE_L4,  // not local: koi_xdp sends each packet on to a backend of its pool
};

struct koi_service {
  enum koi_service_mode mode;
  __u32 number;  // of the service, from 0, in the order of the configuration
  __u32 pool;    // KOI_SERVICE_L4: number of its pool
  char name[KOI_NAME_BYTES];
};
KOI_ABI_STRUCT(struct koi_service, 44);
