// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_services: what happens to a connection to a VIP's port.
// Written by koi-manager. Read by koi_xdp and koi_sk_lookup.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

struct koi_service_key {
  __u32 vip_number;
  __u16 port;     // host order: people read it
  __u8 protocol;  // IPPROTO_TCP
  __u8 pad;
};
KOI_ABI_STRUCT(struct koi_service_key, 8);

// A local service is one whose connections a worker of this host terminates.
enum koi_service_mode {
  KOI_SERVICE_NONE,
  KOI_SERVICE_HTTP,
  KOI_SERVICE_TCP,
};

struct koi_service {
  enum koi_service_mode mode;
  __u32 number;  // of the service, from 0, in the order of the configuration
  char name[KOI_NAME_BYTES];
};
KOI_ABI_STRUCT(struct koi_service, 40);
