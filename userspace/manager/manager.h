// SPDX-License-Identifier: Apache-2.0
// koi-manager: everything that parses or decides. It loads the BPF side, briefs the workers and
// koi-carp, checks the backends, answers the CLI and the stats endpoint. Its death changes nothing
// for clients: the keeper starts another, which finds everything in the maps.
//
//   keeper: kHello, kListener..., kListenersDone --> data plane up --> kReady --> keeper:
//   kChildStarted (carp, workers)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/config.h"
#include "manager/carp_client.h"
#include "manager/certificate_watch.h"
#include "manager/config_sources.h"
#include "manager/control/routes.h"
#include "manager/data_plane.h"
#include "manager/health/checker.h"
#include "manager/pool_table.h"
#include "manager/stats/http_server.h"
#include "manager/stats_collector.h"
#include "manager/worker_fleet.h"
#include "net/channel.h"
#include "net/event_loop.h"
#include "protocol/keeper_messages.h"

namespace koi {

class Manager : private ControlActions, private PoolTableObserver {
 public:
  // `services` are the configuration's, with their certificates loaded.
  static absl::StatusOr<std::unique_ptr<Manager>> Create(EventLoop& loop, Config config,
                                                         std::vector<WorkerService> services,
                                                         Fd keeper_channel);

  // Runs until the keeper says stop. The first thing that cannot be set up ends it with an exit
  // code, said in one line.
  int Run();

 private:
  Manager(EventLoop& loop, Config config, std::vector<WorkerService> services);

  void OnKeeperMessage(ChannelMessage message);
  void OnChildStarted(const KeeperMessage& message, Fd channel);
  void TellKeeper(KeeperMessage message, int fd = -1);

  absl::Status SetUp();
  absl::Status TakeHost();
  absl::Status SetUpWorkers();
  absl::Status OpenEndpoints();
  void Watch();
  void Stop();
  void Fail(const absl::Status& why);

  void OnHealth(uint32_t number, BackendHealth health, const std::string& why);

  // ControlActions: what the CLI asks for.
  Stats CollectStats() override { return collector_->Collect(); }
  absl::StatusOr<BackendChange> AddBackend(const BackendAdd& add) override;
  absl::StatusOr<BackendChange> DrainBackend(const BackendName& name) override;
  absl::StatusOr<BackendChange> UndrainBackend(const BackendName& name) override;
  absl::StatusOr<BackendChange> RemoveBackend(const BackendName& name) override;
  absl::StatusOr<CpuStats> ReplaceWorker(const WorkerReplace& order) override;
  CertificateList ListCertificates() override { return certificates_.List(); }
  CertificateList ReloadCertificates() override { return certificates_.Reload(); }
  absl::StatusOr<BackendChange> Changed(const absl::StatusOr<BackendEntry>& backend) const;

  // PoolTableObserver: health checks follow the pools.
  void BackendAdded(const BackendEntry& backend) override;
  void BackendRemoved(const BackendEntry& backend) override;

  EventLoop& loop_;
  Config config_;
  TimePoint started_ = Now();
  int exit_code_ = kExitOk;
  std::unique_ptr<Channel> keeper_;
  bool first_manager_ = true;
  Fd pins_lock_;  // a first manager's
  std::vector<WorkerListener> listeners_;
  struct RunningChild {
    KeeperMessage message;
    Fd channel;
  };
  std::vector<RunningChild> running_children_;  // told before everything was set up

  std::optional<DataPlane> data_plane_;
  HealthChecker health_;
  std::optional<PoolTable> pools_;
  WorkerFleet workers_;
  CertificateWatch certificates_;
  CarpClient carp_;
  Fd sk_lookup_link_;
  std::optional<StatsCollector> collector_;
  std::unique_ptr<HttpServer> control_server_;
  std::unique_ptr<HttpServer> stats_server_;
  EventLoop::Timer watch_timer_;
  bool set_up_ = false;
};

// All of main(): reads the configuration and the certificates it names, prints all that is wrong
// with them, takes the keeper's channel, runs. Returns the exit code.
int RunManager(const ConfigSources& sources);

}  // namespace koi
