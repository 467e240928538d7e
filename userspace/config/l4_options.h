// SPDX-License-Identifier: Apache-2.0
// What only l4 services and their pools have: how koi_xdp itself sends packets on to backends.
#pragma once

#include <cstdint>
#include <string>

#include "base/address.h"

namespace koi {

// How a packet reaches a backend.
enum class Forward {
  kNone,  // not at all: the pool is one that workers connect to
  kDsr,   // as it is, to the backend's MAC
  kIpip,  // in an IP packet to the backend
};

// What of a flow decides which backend it goes to.
enum class Affinity {
  kFlow,    // addresses, protocol and ports
  kSource,  // the client's address alone
};

// What becomes of the flows of a backend that is down.
enum class OnDown { kLeave, kKeep };

constexpr uint32_t kDefaultRingSize = 65537;

struct L4PoolOptions {
  Forward forward = Forward::kNone;
  uint32_t ring_size = kDefaultRingSize;  // prime
  Affinity affinity = Affinity::kFlow;
  OnDown on_down = OnDown::kLeave;

  bool operator==(const L4PoolOptions&) const = default;
};

struct L4Protocols {
  bool tcp = true;
  bool udp = false;

  bool operator==(const L4Protocols&) const = default;
};

// As they are written in a configuration.
inline const char* ForwardName(Forward forward) {
  switch (forward) {
    case Forward::kNone: return "";
    case Forward::kDsr: return "dsr";
    case Forward::kIpip: return "ipip";
  }
  return "";
}
inline const char* AffinityName(Affinity affinity) {
  return affinity == Affinity::kSource ? "source" : "flow";
}
inline const char* OnDownName(OnDown on_down) {
  return on_down == OnDown::kKeep ? "keep" : "leave";
}

// An endpoint of a service's `listen`: "10.0.0.1:80"; "10.0.0.1:*" where its port is 0, any port.
std::string ListenText(const Endpoint& endpoint);

bool IsPrime(uint32_t number);
// The lowest prime from `number` on.
uint32_t NextPrime(uint32_t number);

}  // namespace koi
