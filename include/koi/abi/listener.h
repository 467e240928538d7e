// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_listeners, a sockmap: the two listeners of each CPU's worker.
// Written by koi-manager. Read by koi_sk_lookup. The sockets themselves belong to the keeper.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

enum koi_listener_family {
  KOI_LISTENER_IP4,
  KOI_LISTENER_IP6,
  KOI_LISTENER_FAMILIES,
};

// The index of a CPU's listener for a family.
#define KOI_LISTENER_INDEX(cpu, family) ((cpu)*KOI_LISTENER_FAMILIES + (family))
