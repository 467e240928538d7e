// SPDX-License-Identifier: Apache-2.0
// koid: starts the manager, koi-carp and a worker for each CPU, starts again what ends, and keeps
// the descriptors that must outlive them. It reads no file and parses nothing, so that nothing can
// crash it; its end is the node's end.
//
//   starting --manager ready--> running --SIGTERM--> releasing (carp bows out) --carp gone-->
//   ending --all gone--> exit
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "keeper/children.h"
#include "keeper/descriptors.h"
#include "net/channel.h"
#include "net/event_loop.h"
#include "net/namespace_lock.h"
#include "protocol/keeper_messages.h"

namespace koi {

struct KeeperOptions {
  std::string config = {};                  // handed to the manager as it is
  std::vector<std::string> arguments = {};  // so are these
  std::string program_directory = {};       // where koi-manager, koi-carp and koi-worker are
};

class Keeper {
 public:
  // AlreadyExists when another koid runs in this network namespace; then nothing was touched.
  static absl::StatusOr<std::unique_ptr<Keeper>> Create(EventLoop& loop, KeeperOptions options);

  // Runs until SIGTERM or SIGINT has been carried out, or the first manager refused to start.
  // Returns the exit code.
  int Run();

 private:
  static constexpr size_t kMaxOthers = 1024;
  enum class Phase { kStarting, kRunning, kReleasing, kEnding };

  // One program that should run.
  struct Child {
    ChildProgram program;
    pid_t pid = -1;  // -1: not running
    int64_t starts = 0;
    TimePoint started;
    TimePoint answered;  // its last pong; workers are watched by the manager instead
    bool ever_answered = false;
    bool retired = false;  // a worker: its place is another's
    RestartBackOff back_off;
    EventLoop::Timer restart;
    std::unique_ptr<Channel> channel;  // to the keeper: manager and carp
    Fd manager_end;  // of its channel to the manager, for the next manager: carp and workers
  };

  Keeper(EventLoop& loop, KeeperOptions options, NamespaceLock lock, Descriptors descriptors,
         Fd arguments);
  absl::Status WatchLock();
  absl::Status WatchSignals();
  void OnSignal();
  void ReapChildren();

  void Start(Child& child);
  absl::Status Spawn(Child& child);
  void OnEnded(Child& child, int wait_status);
  void OnManagerEnded(int wait_status);
  Child* ByPid(pid_t pid);

  void OpenKeeperChannel(Child& child, Fd end);
  void OnMessage(Child& child, ChannelMessage message);
  void OnReady();
  void OnKill(const KeeperMessage& order);
  void OnReplace(const KeeperMessage& order);
  void OnRetire(const KeeperMessage& order);
  // The place of `order.cpu`, if the worker that is meant is in it; else nullptr.
  std::unique_ptr<Child>* PlaceOf(const KeeperMessage& order);
  // Puts the second worker of the place's CPU into it, and the one that was there beside. False:
  // there is no second one.
  bool PutSecond(std::unique_ptr<Child>& place);
  // Whether `ended` was one of `others_`; it is destroyed then.
  bool ForgetOther(const Child& ended);
  std::unique_ptr<Child> NewWorker(const Child& like) const;
  void BriefManager();
  void BriefCarp(Child& carp);
  void Tell(Child& child, KeeperMessage message, int fd = -1);

  // For a sign of life.
  void Ask(Child& child);
  void Ping();
  void BeginStop();
  void BeginEnd();
  void SignalWorkers(int signal);
  void FinishIfAllEnded();

  EventLoop& loop_;
  KeeperOptions options_;
  NamespaceLock lock_;
  EventLoop::Watch lock_watch_;
  Descriptors descriptors_;
  Fd arguments_;  // packed, for each manager
  Fd signal_fd_;
  EventLoop::Watch signal_watch_;
  EventLoop::Timer ping_timer_;
  TimePoint pinged_;
  EventLoop::Timer stop_limit_;
  Phase phase_ = Phase::kStarting;
  int exit_code_ = kExitOk;
  bool ever_ready_ = false;
  Child manager_;
  Child carp_;
  std::vector<std::unique_ptr<Child>> workers_;  // in place, one for each CPU
  // Beside them: those that are to take a place, and those that have left theirs. None is started
  // again.
  std::vector<std::unique_ptr<Child>> others_;
};

}  // namespace koi
