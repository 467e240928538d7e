// SPDX-License-Identifier: Apache-2.0
// Telling workers their services, following one by another, noticing stuck ones.
#include "manager/worker_fleet.h"

#include <algorithm>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr Duration kWatchInterval = std::chrono::milliseconds(250);
constexpr Duration kHeartbeatLimit = std::chrono::seconds(2);
// Five heartbeats: a worker that has been watched for less is given the benefit of the doubt, since
// it may have been stopped together with this process.
constexpr Duration kShortestWatch = std::chrono::seconds(1);
constexpr Duration kBriefingLimit = std::chrono::seconds(10);
// For a worker that a manager finds leaving, without knowing what its predecessor had told it.
constexpr Duration kDefaultDrainLimit = std::chrono::seconds(30);
// Beyond its drain's limit, which a worker keeps itself.
constexpr Duration kDrainGrace = std::chrono::seconds(2);

// Whether a worker that is known has it.
bool Taken(const WorkerFleet::Cpu& cpu, uint32_t seat) {
  return (cpu.in_place.pid != 0 && cpu.in_place.seat == seat) ||
         (cpu.follower && cpu.follower->seat == seat) || (cpu.leaver && cpu.leaver->seat == seat);
}

absl::Status SendTrust(const TrustedText& trusted, Channel& channel) {
  for (size_t sent = 0; sent < trusted.pem->size(); sent += kTrustPartBytes) {
    const WorkerTrust part{.digest = trusted.digest,
                           .pem = trusted.pem->substr(sent, kTrustPartBytes)};
    KOI_RETURN_IF_ERROR(channel.Send(EncodeWorkerMessage(part)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFits(const WorkerService& service) {
  const size_t bytes = EncodeWorkerMessage(service).size();
  if (bytes <= kMaxMessageBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "service \"", service.name, "\" is too large for its workers: ", bytes, " bytes with its ",
      service.listen.size(), " endpoints, of at most ", kMaxMessageBytes));
}

void WorkerFleet::SetBriefing(std::string node_name, std::vector<WorkerService> services,
                              std::vector<WorkerPool> pools) {
  node_name_ = std::move(node_name);
  services_ = std::move(services);
  pools_ = std::move(pools);
  // Another manager's revisions, which a worker may still have, were of other services.
  revision_ = ToNanoseconds(Now());
}

absl::Status WorkerFleet::Update(std::vector<WorkerService> services,
                                 std::vector<WorkerPool> pools) {
  for (const WorkerService& service : services) KOI_RETURN_IF_ERROR(CheckFits(service));
  services_ = std::move(services);
  pools_ = std::move(pools);
  ++revision_;
  for (auto& [cpu, home] : homes_) {
    for (Worker* worker : {&home.in_place, home.follower ? &*home.follower : nullptr}) {
      if (worker == nullptr || worker->channel == nullptr) continue;
      const absl::Status told = Brief(home, *worker);
      if (told.ok()) continue;
      LogError("worker cannot be told its services", {{"cpu", cpu}, {"why", told.message()}});
      worker->refusal = std::string(told.message());
    }
  }
  return absl::OkStatus();
}

void WorkerFleet::SetTicketKeys(absl::string_view keys) {
  ticket_keys_.keys = absl::BytesToHexString(keys);
  for (auto& [cpu, home] : homes_) {
    for (Worker* worker : {&home.in_place, home.follower ? &*home.follower : nullptr}) {
      if (worker == nullptr || worker->channel == nullptr) continue;
      const absl::Status told = worker->channel->Send(EncodeWorkerMessage(ticket_keys_));
      if (told.ok()) continue;
      LogWarn("worker cannot be told its ticket keys", {{"cpu", cpu}, {"why", told.message()}});
    }
  }
}

absl::Status WorkerFleet::AddCpu(int cpu, Fd own_map, Fd backends_map, Fd access_log) {
  KOI_ASSIGN_OR_RETURN(WorkerView figures, WorkerView::Open(own_map.get()));
  homes_.emplace(cpu, Home{Cpu{.number = cpu, .figures = std::move(figures)}, std::move(own_map),
                           std::move(backends_map), std::move(access_log)});
  if (!watch_timer_.pending()) watch_timer_ = loop_.After(kWatchInterval, [this] { Watch(); });
  return absl::OkStatus();
}

void WorkerFleet::AddListener(int cpu, ListenerFamily family, const Fd& listener) {
  homes_.at(cpu).listener_fds[family == ListenerFamily::kIp4 ? 0 : 1] = listener.get();
}

WorkerFleet::Worker* WorkerFleet::Find(Home& home, pid_t pid) {
  if (home.in_place.pid == pid) return &home.in_place;
  for (std::optional<Worker>* other : {&home.follower, &home.leaver}) {
    if (other->has_value() && (*other)->pid == pid) return &**other;
  }
  return nullptr;
}

// Of those that no worker known has, the one that was used least lately: a manager may hear of one
// worker before it hears of the other.
uint32_t WorkerFleet::FreeSeat(const Home& home) {
  uint32_t free = 0;
  std::optional<TimePoint> used;
  for (uint32_t seat = 0; seat < kWorkerSeats; ++seat) {
    const TimePoint heartbeat = home.figures.Seat(seat).heartbeat;
    if (Taken(home, seat) || (used.has_value() && *used <= heartbeat)) continue;
    used = heartbeat;
    free = seat;
  }
  return free;
}

absl::Status WorkerFleet::Attach(int cpu, pid_t pid, int64_t starts, Fd channel) {
  const auto found = homes_.find(cpu);
  if (found == homes_.end())
    return absl::NotFoundError(absl::StrCat("no worker is expected on CPU ", cpu));
  Home& home = found->second;
  Worker worker{.pid = pid, .starts = starts, .state = WorkerState::kStarting, .attached = Now()};
  worker.seat = FreeSeat(home);
  for (uint32_t seat = 0; seat < kWorkerSeats; ++seat) {
    if (home.figures.Seat(seat).pid != static_cast<uint32_t>(pid)) continue;
    worker.seat = seat;  // an earlier manager's worker
    worker.state = WorkerState::kServing;
  }
  KOI_ASSIGN_OR_RETURN(worker.channel, Channel::Open(
                                           loop_, std::move(channel),
                                           [this, cpu, pid](const ChannelMessage& message) {
                                             OnMessage(cpu, pid, message);
                                           },
                                           [&home, pid] {
                                             if (Worker* gone = Find(home, pid); gone != nullptr)
                                               gone->channel.reset();
                                           }));
  if (home.in_place.pid == 0) {
    home.in_place = std::move(worker);
  } else if (starts > home.in_place.starts) {
    home.follower = std::move(worker);
  } else {
    home.follower = std::exchange(home.in_place, std::move(worker));
  }
  const absl::Status briefed = Brief(home, *Find(home, pid));
  Follow(home);
  return briefed;
}

absl::Status WorkerFleet::Brief(Home& home, Worker& worker) {
  // A host without IPv6 has no second listener: the worker is given the first one twice, and
  // accepts from both.
  const int listener6 = home.listener_fds[1] >= 0 ? home.listener_fds[1] : home.listener_fds[0];
  const WorkerWelcome welcome{
      .cpu = home.number, .node_name = node_name_, .revision = revision_, .seat = worker.seat};
  worker.refusal.clear();
  KOI_RETURN_IF_ERROR(worker.channel->Send(
      EncodeWorkerMessage(welcome), {home.listener_fds[0], listener6, home.backends_map.get(),
                                     home.own_map.get(), home.access_log.get()}));
  KOI_RETURN_IF_ERROR(TellPeers(home, worker));
  for (const WorkerService& service : services_) {
    KOI_RETURN_IF_ERROR(worker.channel->Send(EncodeWorkerMessage(service), DescriptorsOf(service)));
  }
  std::set<std::string> trusts;
  for (const WorkerPool& pool : pools_) {
    const TrustedText& trusted = pool.tls.trust;
    if (trusted.pem != nullptr && trusts.insert(trusted.digest).second) {
      KOI_RETURN_IF_ERROR(SendTrust(trusted, *worker.channel));
    }
    KOI_RETURN_IF_ERROR(worker.channel->Send(EncodeWorkerMessage(pool)));
  }
  if (!ticket_keys_.keys.empty()) {
    KOI_RETURN_IF_ERROR(worker.channel->Send(EncodeWorkerMessage(ticket_keys_)));
  }
  return worker.channel->Send(EncodeWorkerMessage(WorkerStart{}));
}

// Only one that starts takes them.
absl::Status WorkerFleet::TellPeers(const Home& home, Worker& worker) const {
  if (worker.state != WorkerState::kStarting) return absl::OkStatus();
  std::vector<int> fds;
  size_t left = homes_.size();
  for (const auto& [cpu, other] : homes_) {
    --left;
    if (cpu != home.number) fds.push_back(other.own_map.get());
    if (fds.size() < kPeersInMessage && left > 0) continue;
    if (!fds.empty()) {
      KOI_RETURN_IF_ERROR(worker.channel->Send(EncodeWorkerMessage(WorkerPeers{}), fds));
    }
    fds.clear();
  }
  return absl::OkStatus();
}

void WorkerFleet::OnMessage(int cpu, pid_t pid, const ChannelMessage& message) {
  Home& home = homes_.at(cpu);
  Worker* worker = Find(home, pid);
  if (worker == nullptr) return;
  const absl::StatusOr<WorkerMessage> decoded = DecodeWorkerMessage(message.bytes);
  if (!decoded.ok()) {
    LogWarn("a worker sent something unreadable",
            {{"cpu", cpu}, {"pid", pid}, {"why", decoded.status().message()}});
    return;
  }
  if (const auto* ready = std::get_if<WorkerReady>(&*decoded)) {
    OnReady(home, *worker, *ready);
    return;
  }
  const auto* failed = std::get_if<WorkerFailed>(&*decoded);
  if (failed == nullptr) return;
  if (failed->serving) {
    if (failed->revision == revision_) worker->refusal = failed->why;
    LogError("worker keeps the services it had",
             {{"cpu", cpu}, {"pid", pid}, {"why", failed->why}});
  } else {
    worker->state = WorkerState::kFailed;
    worker->refusal = failed->why;
    LogError("worker cannot serve", {{"cpu", cpu}, {"pid", pid}, {"why", failed->why}});
  }
}

void WorkerFleet::OnReady(Home& home, Worker& worker, const WorkerReady& ready) {
  worker.revision = ready.revision;
  if (ready.seat < kWorkerSeats) worker.seat = ready.seat;
  const bool starting = worker.state == WorkerState::kStarting;
  if (worker.state != WorkerState::kDraining) {
    worker.state = ready.draining ? WorkerState::kDraining : WorkerState::kServing;
  }
  if (starting) LogInfo("worker serves", {{"cpu", home.number}, {"pid", worker.pid}});
  Follow(home);
}

absl::Status WorkerFleet::Replace(int cpu, Duration limit) {
  const auto found = homes_.find(cpu);
  if (found == homes_.end()) return absl::NotFoundError(absl::StrCat("there is no CPU ", cpu));
  Home& home = found->second;
  if (home.leaver.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the worker that was replaced before on CPU ", cpu, ", process ",
                     home.leaver->pid, ", still has ",
                     home.figures.Seat(home.leaver->seat).connections, " connections; it ends in ",
                     FormatDuration(std::max(home.leaver->drain_end - Now(), Duration::zero())),
                     " at the latest"));
  }
  if (home.replacing || home.follower.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the worker of CPU ", cpu, " is being replaced already"));
  }
  if (home.in_place.state != WorkerState::kServing) {
    return absl::FailedPreconditionError(
        absl::StrCat("the worker of CPU ", cpu, " does not serve; it is started anew by itself"));
  }
  home.replace_failure.clear();
  home.replacing = true;
  home.replace_asked = Now();
  home.drain_limit = limit;
  order_(KeeperMessageType::kReplaceChild, cpu, home.in_place.pid);
  return absl::OkStatus();
}

void WorkerFleet::Follow(Home& home) {
  if (!home.follower.has_value() || home.follower->state != WorkerState::kServing) return;
  const Duration limit = home.replacing ? home.drain_limit : kDefaultDrainLimit;
  home.replacing = false;
  Worker leaver = std::exchange(home.in_place, std::move(*home.follower));
  home.follower.reset();
  // First the keeper: should both new worker and manager die now, it starts another.
  order_(KeeperMessageType::kRetireChild, home.number, leaver.pid);
  leaver.state = WorkerState::kDraining;
  leaver.drain_end = Now() + limit;
  if (leaver.channel != nullptr) {
    (void)leaver.channel->Send(EncodeWorkerMessage(WorkerDrain{ToMilliseconds(limit)}));
  }
  LogInfo("worker replaced", {{"cpu", home.number},
                              {"pid", home.in_place.pid},
                              {"before", leaver.pid},
                              {"drains", home.figures.Seat(leaver.seat).connections}});
  home.leaver = std::move(leaver);
}

void WorkerFleet::FailReplace(Home& home, std::string why) {
  LogError("worker not replaced: the one before stays",
           {{"cpu", home.number}, {"pid", home.in_place.pid}, {"why", why}});
  home.replace_failure = std::move(why);
  home.replacing = false;
}

void WorkerFleet::Detach(int cpu, pid_t pid) {
  const auto found = homes_.find(cpu);
  if (found == homes_.end()) return;
  Home& home = found->second;
  const Worker* worker = Find(home, pid);
  if (worker == nullptr) return;
  const absl::Status cleared = ClearWorkerSeat(home.own_map.get(), worker->seat);
  if (!cleared.ok()) LogWarn("worker's figures not cleared", {{"why", cleared.message()}});
  if (worker != &home.in_place) {
    std::optional<Worker>& place =
        home.leaver && worker == &*home.leaver ? home.leaver : home.follower;
    if (&place == &home.follower) {
      FailReplace(
          home, worker->refusal.empty() ? "its follower ended before it served" : worker->refusal);
    }
    place.reset();
  } else if (home.follower.has_value()) {
    home.in_place = std::move(*home.follower);
    home.follower.reset();
    home.replacing = false;
  } else {
    const bool failed = worker->state == WorkerState::kFailed;
    home.in_place = {.starts = worker->starts,
                     .state = failed ? WorkerState::kFailed : WorkerState::kGone};
    if (home.replacing) FailReplace(home, "it ended itself meanwhile");
  }
}

void WorkerFleet::Watch() {
  const TimePoint now = Now();
  if (now - watched_ > kShortestWatch) watching_since_ = now;
  watched_ = now;
  for (auto& [cpu, home] : homes_) WatchHome(home, now);
  watch_timer_ = loop_.After(kWatchInterval, [this] { Watch(); });
}

void WorkerFleet::WatchHome(Home& home, TimePoint now) {
  JudgeWorker(home, home.in_place, now);
  if (home.follower) JudgeWorker(home, *home.follower, now);
  if (home.leaver) JudgeWorker(home, *home.leaver, now);
  if (home.replacing && !home.follower && now - home.replace_asked > kBriefingLimit) {
    FailReplace(home, "koid started no other");
  }
  // A worker that died while there was no manager. The heartbeat is asked too: to clear the gauges
  // of one that lives would end it.
  for (uint32_t seat = 0; seat < kWorkerSeats; ++seat) {
    const WorkerFigures figures = home.figures.Seat(seat);
    if (figures.pid == 0 || Taken(home, seat) || now - figures.heartbeat < kHeartbeatLimit)
      continue;
    (void)ClearWorkerSeat(home.own_map.get(), seat);
  }
}

void WorkerFleet::JudgeWorker(Home& home, Worker& worker, TimePoint now) {
  if (worker.pid == 0 || now - worker.killed < kHeartbeatLimit) return;
  const TimePoint watched = std::max(worker.attached, watching_since_);
  std::string why;
  if (worker.state == WorkerState::kServing || worker.state == WorkerState::kDraining) {
    const Duration silent = now - home.figures.Seat(worker.seat).heartbeat;
    if (silent > kHeartbeatLimit && now - watched > kShortestWatch) {
      why = absl::StrCat("no heartbeat for ", FormatDuration(silent));
    } else if (worker.state == WorkerState::kDraining && worker.drain_end != TimePoint() &&
               now > worker.drain_end + kDrainGrace) {
      why = "it drains beyond its limit";
    }
  } else if (now - watched > kBriefingLimit) {
    why = absl::StrCat("not serving ", FormatDuration(kBriefingLimit), " after its start");
  }
  if (why.empty()) return;
  LogWarn("worker is stuck", {{"cpu", home.number}, {"pid", worker.pid}, {"why", why}});
  worker.killed = now;
  order_(KeeperMessageType::kKillChild, home.number, worker.pid);
}

std::vector<const WorkerFleet::Cpu*> WorkerFleet::List() const {
  std::vector<const Cpu*> cpus;
  for (const auto& [cpu, home] : homes_) cpus.push_back(&home);
  return cpus;
}

bool WorkerFleet::NobodyUses(uint32_t backend_number) const {
  return std::none_of(homes_.begin(), homes_.end(),
                      [&](const auto& home) { return home.second.figures.InUse(backend_number); });
}

}  // namespace koi
