// SPDX-License-Identifier: Apache-2.0
// Routes and neighbours by rtnetlink: where a packet to an address leaves, and to which MAC.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/address.h"
#include "base/fd.h"
#include "net/event_loop.h"
#include "net/mac_address.h"

namespace koi {

struct Link {
  MacAddress mac = {};
  uint32_t mtu = 0;
  bool up = false;
};

struct Route {
  bool local = false;  // the address is one of this host
  uint32_t interface = 0;
  Address next_hop = {};  // the address itself, or a router's
  uint32_t mtu = 0;       // 0: that of the interface
};

// Who is meant by an address behind an interface.
using NeighbourKey = std::pair<uint32_t, Address>;

struct Neighbour {
  std::optional<MacAddress> mac = {};  // nullopt: not known, or not reachable
  bool fixed = false;                  // by whoever runs the host; or no address is asked for
  bool kept = false;                   // KeepNeighbour() made it what it is
};

class Routes {
 public:
  static absl::StatusOr<Routes> Open();

  // NotFound where there is no route.
  absl::StatusOr<Route> Find(const Address& address);
  // By index.
  absl::StatusOr<std::map<uint32_t, Link>> Links();
  absl::StatusOr<std::map<NeighbourKey, Neighbour>> Neighbours();

  // Has the kernel find out the MAC and, where it can (Linux 5.16), keep it up to date; elsewhere
  // it is asked for again by each call. Not for one that is `fixed`.
  absl::Status KeepNeighbour(const NeighbourKey& key);
  // Takes away what KeepNeighbour() made. Absent is fine.
  absl::Status ReleaseNeighbour(const NeighbourKey& key);

 private:
  explicit Routes(Fd fd) : fd_(std::move(fd)) {}
  absl::StatusOr<int> Change(uint16_t type, uint16_t flags, const NeighbourKey& key, bool keep);

  Fd fd_;
  uint32_t sequence_ = 0;
};

// Tells of neighbours that change, and that something about routes or interfaces has.
class RoutesMonitor {
 public:
  struct Callbacks {
    std::function<void(const NeighbourKey&, const Neighbour&)> on_neighbour;
    std::function<void()> on_routes;  // all is to be asked anew
  };
  // `loop` must outlive the monitor, which must not be destroyed in its own callback.
  static absl::StatusOr<std::unique_ptr<RoutesMonitor>> Open(EventLoop& loop, Callbacks callbacks);

 private:
  RoutesMonitor(Fd fd, Callbacks callbacks)
      : fd_(std::move(fd)), callbacks_(std::move(callbacks)) {}
  void Receive();

  Fd fd_;
  Callbacks callbacks_;
  EventLoop::Watch watch_;
};

}  // namespace koi
