// SPDX-License-Identifier: Apache-2.0
// Everything an operator can ask for, gathered from the maps and the manager's parts into one
// value.
#pragma once

#include "manager/access_log/access_logs.h"
#include "manager/carp_client.h"
#include "manager/certificate_watch.h"
#include "manager/data_plane.h"
#include "manager/desired.h"
#include "manager/health/checker.h"
#include "manager/l4_rings.h"
#include "manager/pool_table.h"
#include "manager/worker_fleet.h"
#include "protocol/control_messages.h"

namespace koi {

// What it reads; all of it outlives the collector.
struct StatsSources {
  const Desired& desired;
  const DataPlane& data_plane;
  const PoolTable& pools;
  const L4Rings& rings;
  const HealthChecker& health;
  const WorkerFleet& workers;
  const CarpClient& carp;
  const CertificateWatch& certificates;
  const AccessLogs& access_logs;
  const std::vector<std::string>& warnings;  // of the start
  TimePoint started;
};

class StatsCollector {
 public:
  explicit StatsCollector(StatsSources sources) : sources_(sources) {}

  Stats Collect() const;
  // One backend with the sums over all workers.
  BackendStats CollectBackend(const BackendEntry& backend) const;

 private:
  template <typename One>
  WorkerFigures Sum(One one) const;
  void CollectRole(Stats& stats) const;
  void CollectCpus(Stats& stats) const;
  void CollectPools(Stats& stats) const;
  void CollectServices(Stats& stats) const;
  void CollectVips(Stats& stats) const;
  void CollectVerdicts(Stats& stats) const;
  void CollectFlowTable(Stats& stats) const;
  void CollectCertificates(Stats& stats) const;
  void CollectWarnings(Stats& stats) const;

  StatsSources sources_;
};

}  // namespace koi
