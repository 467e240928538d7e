// SPDX-License-Identifier: Apache-2.0
// The way between the hosts of a benchmark. The lab's own network, eth0's, is where clients are.
// Beside it there may be a second one for backends, eth1's:
//
//   client ── eth0 proxy eth1 ── origin
#pragma once

#include <string>

#include "support/lab/lab.h"

namespace koi::bench {

enum class Arms {
  // Clients and backends on one network: all packets of a proxy pass its one interface. XDP on a
  // veth has the kernel copy each frame into a page of its own, which a NIC's driver does for
  // whoever receives: koi alone pays for it then, also for what comes from backends.
  kOne,
  kTwo,  // backends on a network of their own
};

// The network of the backends, without hosts.
void MakeBackendNetwork(const lab::Lab& lab);
// Gives `host` eth1 there. Its address.
std::string JoinBackendNetwork(const lab::Lab& lab, const lab::Host& host);

// The wires of `host`: full frames with a checksum in one piece to it, as from a NIC that receives
// in batches; from it, as to a NIC that segments. What happens beyond the wire happens on
// `peers_cpu`, not in the proxy's time.
void PrepareWires(const lab::Lab& lab, const lab::Host& host, Arms arms, int peers_cpu);
// Reno, which every namespace may have: on a wire that loses nothing it is as CUBIC, and unlike BBR
// it does not send by timers.
void PrepareTcp(const lab::Lab& lab, const lab::Host& host);

}  // namespace koi::bench
