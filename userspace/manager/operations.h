// SPDX-License-Identifier: Apache-2.0
// What people can have done to a running node, and the one value that says what it is now.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "manager/certificate_watch.h"
#include "manager/config_sources.h"
#include "manager/control/routes.h"
#include "manager/desired.h"
#include "manager/keeper_client.h"
#include "manager/reconciler.h"
#include "manager/state_file.h"
#include "manager/stats_collector.h"

namespace koi {

class Operations : public ControlActions {
 public:
  // Called with each new value of running(), to be kept for a manager after this one.
  using Applied = std::function<void(const Desired& running)>;

  // Whom it has do it; all of them outlive it.
  struct Parts {
    Reconciler& reconciler;
    PoolTable& pools;
    WorkerFleet& workers;
    CertificateWatch& certificates;
    KeeperClient& keeper;
  };

  Operations(ConfigSources sources, Desired running, Parts parts, Applied applied);

  // What the node is; stays at its address.
  const Desired& running() const { return running_; }
  // Without one nothing can be asked. It outlives this.
  void SetCollector(const StatsCollector& collector) { collector_ = &collector; }

  Stats CollectStats() override { return collector_->Collect(); }
  DiffReport CollectDiff() override;
  // Validates, compares, applies; logs what changed, and whatever kept it from changing.
  void Reload(const std::string& by, ReloadDone done) override;
  absl::StatusOr<BackendChange> AddBackend(const BackendAdd& add, const std::string& by) override;
  absl::StatusOr<BackendChange> DrainBackend(const BackendName& backend,
                                             const std::string& by) override;
  absl::StatusOr<BackendChange> UndrainBackend(const BackendName& backend,
                                               const std::string& by) override;
  absl::StatusOr<BackendChange> RemoveBackend(const BackendName& backend,
                                              const std::string& by) override;
  absl::StatusOr<CpuStats> ReplaceWorker(const WorkerReplace& order) override;
  CertificateList ListCertificates() override { return parts_.certificates.List(); }
  CertificateList ReloadCertificates() override;

 private:
  using StateChange = absl::StatusOr<State> (*)(const State&, const Config&, NotedBackend);
  absl::StatusOr<BackendChange> Change(const BackendName& backend, const char* verb,
                                       const std::string& by, StateChange change);
  // Makes `next` true and keeps it, or neither. Answers with the backend as it is then, or was.
  absl::StatusOr<BackendChange> MakeTrue(const std::string& pool, const std::string& name,
                                         absl::StatusOr<State> next);
  absl::Status CheckIdle() const;
  // Workers were given other certificates, out of the same files, be it of services or of pools.
  void TakeCertificates();
  // Reads everything anew, which may take seconds.
  DesiredResult ReadAnew();
  void Begin(ReloadReport report, Desired next, ReloadDone done);
  void Finish(const absl::Status& status, ReloadReport report, const ReloadDone& done);

  ConfigSources sources_;
  StateFile state_file_;
  Desired running_;
  Desired next_;  // while a reload is under way
  Parts parts_;
  Applied applied_;
  const StatsCollector* collector_ = nullptr;
};

}  // namespace koi
