// SPDX-License-Identifier: Apache-2.0
// The workers as the manager sees them: told their services over their channels, watched by their
// heartbeats, replaced one by another.
//
//   in place:  kStarting --ready--> kServing --Replace(), follower ready--> kDraining --> gone
//   follower:  kStarting --ready--> in place; it ends before: the one in place stays
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
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
#include "protocol/keeper_messages.h"
#include "protocol/worker_messages.h"

namespace koi {

enum class WorkerState { kGone, kStarting, kServing, kDraining, kFailed };

// InvalidArgument when `service` is too large for the message that tells it to workers.
absl::Status CheckFits(const WorkerService& service);

class WorkerFleet {
 public:
  // Gives the keeper an order about a worker: kKillChild, kReplaceChild, kRetireChild.
  using OrderCallback = std::function<void(KeeperMessageType order, int cpu, pid_t pid)>;

  WorkerFleet(EventLoop& loop, OrderCallback order) : loop_(loop), order_(std::move(order)) {}

  // What every worker is told: the node's name, its services, certificates and keys included, and
  // its pools.
  void SetBriefing(std::string node_name, std::vector<WorkerService> services,
                   std::vector<WorkerPool> pools);
  // Gives every worker these in place of those it has, and every later one. Each worker
  // takes all of them or keeps what it has: Worker::revision and Worker::refusal say what became of
  // it. InvalidArgument when one is too large to be told; then nothing changes.
  absl::Status Update(std::vector<WorkerService> services, std::vector<WorkerPool> pools);
  // Tells every worker, and every later one, the keys of session tickets (tls/ticket_keys.h).
  void SetTicketKeys(absl::string_view keys);
  // Of what workers should have: goes up with every Update().
  uint64_t revision() const { return revision_; }
  const std::vector<WorkerService>& services() const { return services_; }
  const std::vector<WorkerPool>& pools() const { return pools_; }

  // There will be workers on `cpu`. `own_map` is its koi_worker_N, `backends_map` the table they
  // read, `access_log` the pipe they write to. From the first one on, workers that are stuck are
  // killed: no heartbeat for kHeartbeatLimit, or not serving kBriefingLimit after their start.
  absl::Status AddCpu(int cpu, Fd own_map, Fd backends_map, Fd access_log);
  void AddListener(int cpu, ListenerFamily family, const Fd& listener);

  // The keeper started a worker, or one was running when this manager started: either is told its
  // services. Of two on one CPU the younger one follows the other, which is drained.
  absl::Status Attach(int cpu, pid_t pid, int64_t starts, Fd channel);
  void Detach(int cpu, pid_t pid);

  // Has another worker follow that of `cpu`, which then gets `limit` to finish what it has; what is
  // left is cut. If the other does not come to serve, the present one stays and
  // Cpu::replace_failure says why. NotFound: no such CPU. FailedPrecondition: not now.
  absl::Status Replace(int cpu, Duration limit);

  struct Worker {
    pid_t pid = 0;  // 0: none
    int64_t starts = 0;
    WorkerState state = WorkerState::kGone;
    uint32_t seat = 0;
    uint64_t revision = 0;     // of the services it has
    std::string refusal = {};  // why it has not taken the present ones
    TimePoint attached = {};
    TimePoint killed = {};
    TimePoint drain_end = {};
    std::unique_ptr<Channel> channel = nullptr;
  };
  struct Cpu {
    int number = 0;
    WorkerView figures;
    Worker in_place = {};
    std::optional<Worker> follower = std::nullopt;
    std::optional<Worker> leaver = std::nullopt;
    bool replacing = false;            // from Replace() until a follower serves, or will not
    std::string replace_failure = {};  // of the last Replace()
  };
  // In order of their numbers.
  std::vector<const Cpu*> List() const;
  // Whether no worker holds a connection to any backend that had this number.
  bool NobodyUses(uint32_t backend_number) const;

 private:
  struct Home : Cpu {
    Fd own_map = {};
    Fd backends_map = {};
    Fd access_log = {};
    int listener_fds[2] = {-1, -1};  // the manager's, open as long as the fleet
    TimePoint replace_asked = {};
    Duration drain_limit = {};
  };
  static Worker* Find(Home& home, pid_t pid);
  static uint32_t FreeSeat(const Home& home);
  absl::Status Brief(Home& home, Worker& worker);
  absl::Status TellPeers(const Home& home, Worker& worker) const;
  void OnMessage(int cpu, pid_t pid, const ChannelMessage& message);
  void OnReady(Home& home, Worker& worker, const WorkerReady& ready);
  // The follower, if it serves, takes the place.
  void Follow(Home& home);
  void FailReplace(Home& home, std::string why);

  void Watch();
  void WatchHome(Home& home, TimePoint now);
  void JudgeWorker(Home& home, Worker& worker, TimePoint now);

  EventLoop& loop_;
  OrderCallback order_;
  std::string node_name_;
  std::vector<WorkerService> services_;
  std::vector<WorkerPool> pools_;
  WorkerTicketKeys ticket_keys_;
  uint64_t revision_ = 0;
  std::map<int, Home> homes_;
  EventLoop::Timer watch_timer_;
  TimePoint watched_;         // the last time
  TimePoint watching_since_;  // without a break
};

}  // namespace koi
