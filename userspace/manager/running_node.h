// SPDX-License-Identifier: Apache-2.0
// A running node: all parts of the manager that need a configuration, and how they know each other.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "manager/access_log/access_logs.h"
#include "manager/carp_client.h"
#include "manager/config_sources.h"
#include "manager/data_plane.h"
#include "manager/deny_list.h"
#include "manager/endpoints.h"
#include "manager/health/checker.h"
#include "manager/keeper_client.h"
#include "manager/l4/ways.h"
#include "manager/l4_rings.h"
#include "manager/operations.h"
#include "manager/pool_table.h"
#include "manager/reconciler.h"
#include "manager/start.h"
#include "manager/stats_collector.h"
#include "manager/ticket_rotation.h"
#include "manager/worker_fleet.h"

namespace koi {

class RunningNode : private PoolTableObserver {
 public:
  // `loop` and `keeper` outlive it.
  RunningNode(EventLoop& loop, KeeperClient& keeper);

  // Makes the node what `beginning` says, adopts the children that run, says that it is ready. The
  // first thing that cannot be set up ends it.
  absl::Status SetUp(const ConfigSources& sources, Beginning beginning, KeeperGreeting greeting);

  void ChildStarted(StartedChild child);
  void ChildExited(ChildRole role, int cpu, pid_t pid);
  void Reload();
  // At the node's end, or the end of a start that failed: takes away what would outlive it.
  void TakeDown();

 private:
  absl::Status SetUpParts(const ConfigSources& sources, Beginning beginning,
                          const KeeperGreeting& greeting);
  absl::Status SetUpWorkers(const KeeperGreeting& greeting);
  absl::Status SetUpDenied(const std::string& folder);
  void Keep(const Desired& running);
  // Under `name`; `file` is what /proc shows.
  void Keep(absl::string_view name, const char* file, absl::string_view bytes);
  void Keep(absl::string_view name, const absl::StatusOr<Fd>& sealed);
  void Watch();
  void OnHealth(uint32_t number, BackendHealth health, const std::string& why);

  // PoolTableObserver: health checks, rings and ways follow the pools.
  void BackendPresent(const BackendEntry& backend, const CheckConfig& check) override;
  void BackendRemoved(const BackendEntry& backend) override;
  void BackendsChanged() override;

  const Config& config() const { return operations_->running().config; }

  EventLoop& loop_;
  KeeperClient& keeper_;
  const TimePoint started_ = Now();
  std::vector<WorkerListener> listeners_;
  std::string pins_;  // folder of what is pinned; "" before it is known to be this node's
  Fd pins_lock_;      // a first manager's
  std::optional<DataPlane> data_plane_;
  HealthChecker health_;
  std::optional<PoolTable> pools_;
  std::optional<L4Rings> rings_;
  Ways ways_;
  AccessLogs access_logs_;
  WorkerFleet workers_;
  CertificateWatch certificates_;
  TicketRotation tickets_;
  CarpClient carp_;
  Fd sk_lookup_link_;
  std::optional<DenyList> denied_;
  Endpoints endpoints_;
  std::optional<Reconciler> reconciler_;
  std::optional<Operations> operations_;
  std::optional<StatsCollector> collector_;
  std::string kept_certificates_;      // which the keeper has
  std::vector<std::string> warnings_;  // of the start, for as long as this manager runs
  EventLoop::Timer watch_timer_;
  EventLoop::Timer backends_timer_;
  bool backends_changed_ = false;  // and the timer is set
};

}  // namespace koi
