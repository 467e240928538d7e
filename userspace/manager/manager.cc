// SPDX-License-Identifier: Apache-2.0
// From the keeper's greeting to the end.
#include "manager/manager.h"

#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "manager/start.h"

namespace koi {
namespace {

// How often the keeper is told that the start makes progress, and what that allows for.
constexpr Duration kProgressInterval = std::chrono::seconds(1);
constexpr Duration kProgressLimit = std::chrono::seconds(5);

absl::StatusOr<int> Run(const ConfigSources& sources) {
  KOI_ASSIGN_OR_RETURN(std::unique_ptr<EventLoop> loop, EventLoop::Create());
  KOI_ASSIGN_OR_RETURN(std::unique_ptr<Manager> manager,
                       Manager::Create(*loop, sources, Fd(kChildChannelFd)));
  return manager->Run();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Manager>> Manager::Create(EventLoop& loop, ConfigSources sources,
                                                         Fd keeper_channel) {
  std::unique_ptr<Manager> manager(new Manager(loop, std::move(sources)));
  KOI_ASSIGN_OR_RETURN(manager->keeper_,
                       KeeperClient::Open(loop, std::move(keeper_channel), *manager));
  return manager;
}

int Manager::Run() {
  loop_.Run();
  return exit_code_;
}

void Manager::OnGreeting(KeeperGreeting greeting) {
  const bool first_manager = greeting.first_manager;
  TimePoint told = Now();
  BeginningResult begun = Begin(sources_, greeting.held, [this, &told] {
    if (Now() - told < kProgressInterval) return;
    told = Now();
    keeper_->Busy(kProgressLimit);
  });
  if (!begun.beginning.has_value()) {
    exit_code_ = begun.exit_code;
    return loop_.Stop();
  }
  node_ = std::make_unique<RunningNode>(loop_, *keeper_);
  const absl::Status up = node_->SetUp(sources_, *std::move(begun.beginning), std::move(greeting));
  if (!up.ok()) Fail(up, first_manager);
}

void Manager::OnChildStarted(StartedChild child) {
  if (node_ != nullptr) node_->ChildStarted(std::move(child));
}

void Manager::OnChildExited(ChildRole role, int cpu, pid_t pid) {
  if (node_ != nullptr) node_->ChildExited(role, cpu, pid);
}

void Manager::OnReload() {
  if (node_ != nullptr) node_->Reload();
}

void Manager::OnStop() {
  if (node_ != nullptr) node_->TakeDown();
  LogInfo("stopped");
  loop_.Stop();
}

// What an earlier manager has set up serves clients: it stays.
void Manager::Fail(const absl::Status& why, bool first_manager) {
  LogError("cannot start", {{"why", why.message()}});
  exit_code_ = absl::IsAlreadyExists(why)      ? kExitConflict
               : absl::IsPermissionDenied(why) ? kExitRefused
                                               : kExitFailure;
  if (first_manager) node_->TakeDown();
  node_.reset();
  loop_.Stop();
}

int RunManager(const ConfigSources& sources) {
  const absl::StatusOr<int> exit_code = Run(sources);
  if (exit_code.ok()) return *exit_code;
  LogError("cannot start", {{"why", exit_code.status().message()}});
  return kExitFailure;
}

}  // namespace koi
