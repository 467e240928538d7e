// SPDX-License-Identifier: Apache-2.0
// The ways to the backends of l4 pools: by which interface and to which MAC packets leave, as the
// kernel's routes and neighbours have it. Follows whatever changes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "dataplane/backend_map.h"
#include "net/event_loop.h"
#include "net/routes.h"

namespace koi {

class Ways {
 public:
  struct Callbacks {
    // Packets are about to leave by these interfaces, and by no others any more.
    std::function<void(const std::vector<uint32_t>& interfaces)> on_interfaces;
    std::function<void(const BackendEntry& backend, const BackendWay& way)> on_way;
  };

  // `loop` outlives it.
  Ways(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

  // The backends whose ways are wanted from now on. Costs nothing until there is one.
  void SetBackends(const std::vector<BackendEntry>& backends);
  // The kernel need not keep anybody's MAC any more.
  void Release();

 private:
  struct Target {
    BackendEntry backend = {};
    std::optional<NeighbourKey> neighbour = {};  // whose MAC leads there
    BackendWay way = {};                         // without it
    std::optional<BackendWay> told = {};
  };
  absl::Status Open();
  // Asks for all routes, now.
  void Resolve();
  void Resolve(Target& target, const std::map<uint32_t, Link>& links);
  // Has the kernel keep those that are needed, and no others.
  void KeepNeighbours();
  void OnNeighbour(const NeighbourKey& key, const Neighbour& neighbour);
  void ResolveAfter(Duration delay);
  void TellInterfaces();
  void Tell(Target& target);
  void Note(const absl::Status& status);

  EventLoop& loop_;
  Callbacks callbacks_;
  std::optional<Routes> routes_;
  std::unique_ptr<RoutesMonitor> monitor_;
  std::map<uint32_t, Target> targets_;  // by number
  std::map<NeighbourKey, Neighbour> neighbours_;
  std::set<uint32_t> interfaces_;
  absl::Status noted_;
  bool soon_ = false;  // the timer is for a change, not for the next look
  EventLoop::Timer timer_;
};

}  // namespace koi
