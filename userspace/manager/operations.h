// SPDX-License-Identifier: Apache-2.0
// What people can have done to a running node, and the one value that says what it is now.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "manager/certificate_watch.h"
#include "manager/config_sources.h"
#include "manager/control/routes.h"
#include "manager/deny_list.h"
#include "manager/desired.h"
#include "manager/reconciler.h"
#include "manager/state_file.h"
#include "manager/stats_collector.h"
#include "net/background_task.h"
#include "net/event_loop.h"

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
    DenyList& denied;
    const DataPlane& data_plane;
  };

  Operations(EventLoop& loop, ConfigSources sources, Desired running, Parts parts, Applied applied);

  // What the node is; stays at its address.
  const Desired& running() const { return running_; }
  // Without one nothing can be asked. It outlives this.
  void SetCollector(const StatsCollector& collector) { collector_ = &collector; }

  Stats CollectStats() override { return collector_->Collect(); }
  // All that is read is read in the background, from copies: backends can be changed meanwhile.
  void CollectDiff(DiffDone done) override;
  // Reads, validates, compares, applies; logs what changed, and whatever kept it from changing.
  void Reload(const std::string& by, ReloadDone done) override;
  absl::StatusOr<BackendChange> AddBackend(const BackendAdd& add, const std::string& by) override;
  absl::StatusOr<BackendChange> DrainBackend(const BackendName& backend,
                                             const std::string& by) override;
  absl::StatusOr<BackendChange> UndrainBackend(const BackendName& backend,
                                               const std::string& by) override;
  absl::StatusOr<BackendChange> WeightBackend(const BackendWeight& backend,
                                              const std::string& by) override;
  absl::StatusOr<BackendChange> RemoveBackend(const BackendName& backend,
                                              const std::string& by) override;
  absl::StatusOr<CpuStats> ReplaceWorker(const WorkerReplace& order) override;
  // Written beside the loop.
  void ListCertificates(CertificatesListed done) override;
  void ReloadCertificates(CertificatesDone done) override;
  void AddDenied(std::string order, DenyDone done) override {
    parts_.denied.Change(DenyVerb::kAdd, std::move(order), std::move(done));
  }
  void RemoveDenied(std::string order, DenyDone done) override {
    parts_.denied.Change(DenyVerb::kRemove, std::move(order), std::move(done));
  }
  absl::StatusOr<ExplainReport> Explain(const ExplainOrder& order) override;
  void ListDenied(DenyListDone done) override { parts_.denied.List(std::move(done)); }

 private:
  using StateChange = absl::StatusOr<State> (*)(const State&, const Config&, NotedBackend);
  absl::StatusOr<BackendChange> Change(const BackendName& backend, const char* verb,
                                       const std::string& by, StateChange change);
  // Makes `next` true and keeps it, or neither. Answers with the backend as it is then, or was.
  absl::StatusOr<BackendChange> MakeTrue(const std::string& pool, const std::string& name,
                                         absl::StatusOr<State> next);
  // Aborted while there is something that is read or applied.
  absl::Status CheckIdle() const;
  // Workers were given other certificates, out of the same files, be it of services or of pools.
  void TakeCertificates();
  // Begins to read everything anew in the background, which may take seconds: has `work` called
  // there with what was read, then `then` here.
  absl::Status ReadAnew(const char* what, std::function<void(DesiredResult)> work,
                        std::function<void()> then);
  void Apply(DesiredResult next, const ReloadDone& done);
  void Begin(ReloadReport report, Desired next, ReloadDone done);
  void Finish(const absl::Status& status, ReloadReport report, const ReloadDone& done);

  EventLoop& loop_;
  const ConfigSources sources_;
  StateFile state_file_;
  Desired running_;
  Desired next_;  // while a reload is under way
  Parts parts_;
  Applied applied_;
  const StatsCollector* collector_ = nullptr;
  std::string reading_for_;                  // a reload, or a diff
  std::unique_ptr<BackgroundTask> reading_;  // while there is one
  std::list<std::unique_ptr<BackgroundTask>> listing_;
};

}  // namespace koi
