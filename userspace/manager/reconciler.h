// SPDX-License-Identifier: Apache-2.0
// Makes the node what a Desired says, whatever it was, in the order in which no client notices:
//
//   take the stats address · add backends, wait for their first checks · stop sending to services
//   that go · give the workers their services, wait until they have them · make rings · add VIPs
//   and services · tell koi-carp, wait until it has done it · remove VIPs, backends and rings that
//   go
//
// All but the last two can be undone, and is when one of them fails. Nothing is remembered between
// two runs but what is there: a run that was cut short by a crash is simply done again.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "manager/carp_client.h"
#include "manager/data_plane.h"
#include "manager/desired.h"
#include "manager/endpoints.h"
#include "manager/l4_rings.h"
#include "manager/pool_table.h"
#include "manager/worker_fleet.h"
#include "net/event_loop.h"

namespace koi {

// What it changes; all of it outlives the reconciler.
struct NodeParts {
  EventLoop& loop;
  DataPlane& data_plane;
  PoolTable& pools;
  L4Rings& rings;
  WorkerFleet& workers;
  CarpClient& carp;
  Endpoints& endpoints;
};

class Reconciler {
 public:
  using Done = std::function<void(const absl::Status&)>;

  explicit Reconciler(NodeParts parts) : parts_(parts) {}

  // At the start of a manager, before it meets workers and koi-carp, which get what they need as
  // they come: everything at once.
  absl::Status SetUp(const Desired& desired);

  // From `before`, which the node is, to `after`. Calls `done`, now or from the loop: with OK when
  // it is so; else with what failed, and the node is what it was. One run at a time; both outlive
  // it.
  void Apply(const Desired& before, const Desired& after, Done done);
  bool running() const { return done_ != nullptr; }

  // Backends alone, at once: none that comes takes the place of one that goes.
  absl::Status ApplyBackends(const Config& before, const Config& after);

 private:
  // Calls `next` once `condition` holds, or after `limit` anyway.
  void Await(Duration limit, std::function<bool()> condition, std::function<void()> next);
  void AwaitChecks();
  void GiveServices();
  void AddAndTellCarp();
  void RemoveOthers();
  std::string WhyWorkersRefuse() const;
  void Fail(const absl::Status& why);
  void Finish(const absl::Status& status);

  NodeParts parts_;
  const Desired* before_ = nullptr;
  const Desired* after_ = nullptr;
  bool services_given_ = false;
  Done done_;
  EventLoop::Timer timer_;
};

}  // namespace koi
