// SPDX-License-Identifier: Apache-2.0
// koi-worker: the process of one CPU. Takes the connections of all local services that are steered
// to its CPU, and carries them to backends.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "base/fd.h"
#include "dataplane/worker_map.h"
#include "net/channel.h"
#include "net/event_loop.h"
#include "protocol/worker_messages.h"
#include "worker/acceptor.h"
#include "worker/backend/backends.h"
#include "worker/client_connection.h"
#include "worker/proxy_reception.h"
#include "worker/service_table.h"

namespace koi {

// kStarting -> kServing -> kDraining. All it needs comes through one channel from koi-manager. A
// manager's death changes nothing: the keeper holds the channel's other end too, so its end is the
// keeper's. SIGTERM, the keeper's word that all of koi ends, is a drain with kStopLimit.
class Worker {
 public:
  // Serves until it has drained, or fails, or the channel ends; returns an ExitCode.
  static int Run(Fd channel_fd);

 private:
  enum class State { kStarting, kServing, kDraining };

  explicit Worker(EventLoop& loop) : loop_(loop) {}

  void Receive(ChannelMessage message);
  absl::Status Handle(const WorkerMessage& message, std::vector<Fd> fds);
  absl::Status Welcome(const WorkerWelcome& welcome, std::vector<Fd> fds);
  void Add(const WorkerService& service);
  void Add(WorkerPool pool);
  absl::Status Take(const WorkerTicketKeys& keys);
  absl::Status Start();
  // Takes the services and pools that were told, in place of those it has.
  absl::Status TakeServices();
  absl::Status WatchStop();
  void Drain(Duration limit);
  // What has not ended when the drain's time is over.
  void CutRest();
  WorkerReady Ready() const;

  // Maps the tables of the first welcome, or of another one before the start.
  absl::Status MapTables(std::vector<Fd> fds);
  // Maps what workers of other CPUs count.
  absl::Status MapPeers(const std::vector<Fd>& fds);
  void Accepted(AcceptedConnection accepted);
  // The connection's own object; `header` tells of it where a trusted proxy does.
  std::unique_ptr<ClientConnection> Serve(AcceptedConnection accepted,
                                          const std::shared_ptr<const Service>& service,
                                          const ProxyHeader& header);
  // After a connection has ended: room for another, or the end of the drain.
  void Ended();
  void Heartbeat();
  void Stop(int exit_code);
  void Send(const WorkerMessage& message);

  EventLoop& loop_;
  std::unique_ptr<Channel> channel_;
  State state_ = State::kStarting;
  int exit_code_ = 0;

  WorkerWelcome welcome_;      // the last one
  std::vector<Fd> listeners_;  // until Start()
  uint32_t seat_ = 0;
  // What was told since the last welcome, until the start that ends it.
  struct Told {
    ServiceTable services;
    PoolSettingsTable pools;
    absl::flat_hash_map<std::string, std::string> trusts;  // by digest
    absl::Status status;                                   // the first that went wrong
  };
  std::optional<Told> told_;
  std::shared_ptr<TicketTable> tickets_ = std::make_shared<TicketTable>();
  ServiceTable services_;
  PoolSettingsTable pools_;
  std::optional<WorkerCounters> counters_;
  AllWorkers others_;
  std::optional<Backends> backends_;
  std::optional<AccessLog> access_log_;
  std::optional<ClientSet> clients_;
  size_t max_clients_ = 0;
  const ProxyReception::Next after_proxy_header_ =
      [this](AcceptedConnection accepted, const std::shared_ptr<const Service>& service,
             const ProxyHeader& header) { return Serve(std::move(accepted), service, header); };
  std::unique_ptr<Acceptor> acceptor_;
  EventLoop::Timer heartbeat_;
  Fd signal_fd_;
  EventLoop::Watch signal_watch_;
  TimePoint drain_end_;
  EventLoop::Timer drain_limit_;
};

}  // namespace koi
