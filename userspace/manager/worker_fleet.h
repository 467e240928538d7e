// SPDX-License-Identifier: Apache-2.0
// The workers as the manager sees them: each is briefed once over its channel, then watched by its
// heartbeat.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "base/time.h"
#include "dataplane/worker_map.h"
#include "manager/data_plane.h"
#include "net/channel.h"
#include "net/event_loop.h"
#include "protocol/worker_messages.h"

namespace koi {

enum class WorkerState { kGone, kStarting, kServing, kFailed };

class WorkerFleet {
 public:
  // Asks the keeper to end the worker and start another.
  using KillCallback = std::function<void(int cpu, pid_t pid)>;

  WorkerFleet(EventLoop& loop, KillCallback kill) : loop_(loop), kill_(std::move(kill)) {}

  // What every worker is told: the node's name and its services, certificates and keys included.
  void SetBriefing(std::string node_name, std::vector<WorkerService> services);
  // Gives every worker these services in place of those it has, and every later one. Each worker
  // takes all of them or keeps what it has: Worker::revision and Worker::refusal say what became of
  // it. InvalidArgument when one is too large to be told; then nothing changes.
  absl::Status Update(std::vector<WorkerService> services);
  // Of the services that workers should have: goes up with every Update().
  uint64_t revision() const { return revision_; }
  const std::vector<WorkerService>& services() const { return services_; }
  // There will be a worker on `cpu`. `own_map` is its koi_worker_N, `backends_map` the table it
  // reads.
  absl::Status AddCpu(int cpu, Fd own_map, Fd backends_map);
  void AddListener(int cpu, ListenerFamily family, const Fd& listener);

  // The keeper started a worker, or one was running when this manager started: either is told its
  // services.
  absl::Status Attach(int cpu, pid_t pid, int64_t starts, Fd channel);
  void Detach(int cpu, pid_t pid);
  // Kills those that are stuck: no heartbeat for kHeartbeatLimit, or not serving kBriefingLimit
  // after their start.
  void KillStuck(TimePoint now);

  struct Worker {
    int cpu = 0;
    pid_t pid = 0;  // 0: none
    int64_t starts = 0;
    WorkerState state = WorkerState::kGone;
    TimePoint attached = {};
    uint64_t revision = 0;     // of the services it has
    std::string refusal = {};  // why it has not taken the present ones
    WorkerView figures;
  };
  // In order of their CPUs.
  std::vector<const Worker*> List() const;
  // Whether no worker holds a connection to any backend that had this number.
  bool NobodyUses(uint32_t backend_number) const;

 private:
  struct Seat {
    Worker worker;
    Fd own_map;
    Fd backends_map;
    int listener_fds[2] = {-1, -1};  // the manager's, open as long as the fleet
    std::unique_ptr<Channel> channel;
  };
  absl::Status Brief(Seat& seat);
  void OnMessage(Seat& seat, const ChannelMessage& message);

  EventLoop& loop_;
  KillCallback kill_;
  std::string node_name_;
  std::vector<WorkerService> services_;
  uint64_t revision_ = 0;
  std::map<int, Seat> seats_;
};

}  // namespace koi
