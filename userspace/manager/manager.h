// SPDX-License-Identifier: Apache-2.0
// koi-manager: everything that parses or decides. It loads the BPF side, briefs the workers and
// koi-carp, checks the backends, answers the CLI and the stats endpoint. Its death changes nothing
// for clients: the keeper starts another, which finds everything in the maps and in what the
// keeper holds.
//
//   keeper's greeting --> what to begin with (start.h) --> all parts set up (running_node.h) -->
//   kReady
#pragma once

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "manager/config_sources.h"
#include "manager/keeper_client.h"
#include "manager/running_node.h"
#include "net/event_loop.h"
#include "protocol/keeper_messages.h"

namespace koi {

class Manager : private KeeperObserver {
 public:
  static absl::StatusOr<std::unique_ptr<Manager>> Create(EventLoop& loop, ConfigSources sources,
                                                         Fd keeper_channel);

  // Runs until the keeper says stop. The first thing that is wrong or cannot be set up ends it with
  // an exit code, said in one line.
  int Run();

 private:
  Manager(EventLoop& loop, ConfigSources sources) : loop_(loop), sources_(std::move(sources)) {}

  void OnGreeting(KeeperGreeting greeting) override;
  void OnChildStarted(StartedChild child) override;
  void OnChildExited(ChildRole role, int cpu, pid_t pid) override;
  void OnReload() override;
  void OnStop() override;
  void Fail(const absl::Status& why, bool first_manager);

  EventLoop& loop_;
  const ConfigSources sources_;
  int exit_code_ = kExitOk;
  std::unique_ptr<KeeperClient> keeper_;
  std::unique_ptr<RunningNode> node_;  // null until the greeting, and after a start that failed
};

// All of main(): takes the keeper's channel, runs. Returns the exit code.
int RunManager(const ConfigSources& sources);

}  // namespace koi
