// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Direct server return: the packet as it is, to the MAC of the backend, which has the VIP too and
// answers the client itself.
#pragma once

#include "forward/hop.h"
#include "forward/way.h"

static __always_inline enum koi_verdict forward_dsr(const struct xdp_md* ctx,
                                                    const struct packet* packet,
                                                    const struct headers* headers,
                                                    const struct koi_backend* backend) {
  count_hop(packet, headers->ip);
  write_macs(headers->eth, backend);
  return send(ctx, backend);
}
