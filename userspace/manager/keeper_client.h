// SPDX-License-Identifier: Apache-2.0
// The keeper as the manager sees it: it greets with all that it holds, tells what happens to the
// other children, and is asked to keep descriptors or to end a child.
//
//   keeper: kHello, kListener..., kHeld..., kChildStarted..., kListenersDone --> OnGreeting
//   then, until the end: kChildStarted, kChildExited, kReload, kStop; kPing, answered here
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/time.h"
#include "manager/worker_listener.h"
#include "net/channel.h"
#include "net/event_loop.h"
#include "protocol/keeper_messages.h"

namespace koi {

// A child other than the manager, with the manager's end of its channel.
struct StartedChild {
  ChildRole role = ChildRole::kWorker;
  int cpu = -1;
  pid_t pid = -1;
  int64_t starts = 0;
  Fd channel;
};

struct KeeperGreeting {
  bool first_manager = true;  // of this keeper: nothing runs yet
  std::vector<WorkerListener> listeners;
  std::map<std::string, Fd> held;
  std::vector<StartedChild> children;
};

class KeeperObserver {
 public:
  virtual ~KeeperObserver() = default;
  virtual void OnGreeting(KeeperGreeting greeting) = 0;
  virtual void OnChildStarted(StartedChild child) = 0;
  virtual void OnChildExited(ChildRole role, int cpu, pid_t pid) = 0;
  virtual void OnReload() = 0;
  virtual void OnStop() = 0;
};

class KeeperClient {
 public:
  // Takes over the channel. `loop`, which stops when the keeper is gone, and `observer` outlive the
  // client.
  static absl::StatusOr<std::unique_ptr<KeeperClient>> Open(EventLoop& loop, Fd channel,
                                                            KeeperObserver& observer);

  // The manager has set everything up: the other children may run.
  void Ready();
  // Whatever follows may take so long: silence is no crash meanwhile. Zero: it is done.
  void Busy(Duration limit);
  // Keeps another descriptor of `fd` under `name` for later managers.
  void Hold(absl::string_view name, int fd);
  // kKillChild, kReplaceChild or kRetireChild.
  void Order(KeeperMessageType order, ChildRole role, int cpu, pid_t pid);

 private:
  explicit KeeperClient(KeeperObserver& observer) : observer_(observer) {}
  void OnMessage(ChannelMessage received);
  void Tell(const KeeperMessage& message, int fd = -1);

  KeeperObserver& observer_;
  std::unique_ptr<Channel> channel_;
  KeeperGreeting greeting_;
  bool greeted_ = false;
};

}  // namespace koi
