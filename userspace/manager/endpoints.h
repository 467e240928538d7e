// SPDX-License-Identifier: Apache-2.0
// Where the manager is asked: the control socket and the statistics over TCP.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "config/config.h"
#include "manager/control/routes.h"
#include "manager/stats/http_server.h"
#include "net/event_loop.h"

namespace koi {

class Endpoints {
 public:
  explicit Endpoints(EventLoop& loop) : loop_(loop) {}

  // Takes the addresses, which is all that can fail for reasons outside: AlreadyExists when another
  // process has one.
  absl::Status Bind(const std::string& run_directory, const std::optional<StatsConfig>& stats);
  // Answers there from now on by `actions`, which outlive it.
  absl::Status Serve(ControlActions& actions);
  // Removes its path, so that nobody waits for an answer there.
  void CloseControl();

  // Serves the statistics as `stats` says, in two steps: the first takes the address and serves
  // nobody yet; the second puts it in place of the present one, the third forgets it instead.
  absl::Status PrepareStats(const std::optional<StatsConfig>& stats);
  void CommitStats();
  void AbandonStats() { prepared_.reset(); }

 private:
  // What was prepared or is served: the listener is kept for an endpoint that stays at its address
  // with another password.
  struct Served {
    std::optional<StatsConfig> config;
    Fd listener;
    std::unique_ptr<HttpServer> server;
  };

  EventLoop& loop_;
  ControlActions* actions_ = nullptr;
  std::string control_path_;
  Fd control_listener_;
  std::unique_ptr<HttpServer> control_;
  Served stats_;
  std::optional<Served> prepared_;
};

}  // namespace koi
