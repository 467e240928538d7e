// SPDX-License-Identifier: Apache-2.0
// Briefing workers and noticing stuck ones.
#include "manager/worker_fleet.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr Duration kHeartbeatLimit = std::chrono::seconds(2);
constexpr Duration kBriefingLimit = std::chrono::seconds(10);

absl::Status CheckFits(const WorkerService& service) {
  const size_t bytes = EncodeWorkerMessage(service).size();
  if (bytes <= kMaxMessageBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "service \"", service.name, "\" is too large for its workers: ", bytes, " bytes with its ",
      service.listen.size(), " endpoints and its certificates, of at most ", kMaxMessageBytes));
}

}  // namespace

void WorkerFleet::SetBriefing(std::string node_name, std::vector<WorkerService> services) {
  node_name_ = std::move(node_name);
  services_ = std::move(services);
  // Another manager's revisions, which a worker may still have, were of other services.
  revision_ = ToNanoseconds(Now());
}

absl::Status WorkerFleet::Update(std::vector<WorkerService> services) {
  for (const WorkerService& service : services) KOI_RETURN_IF_ERROR(CheckFits(service));
  services_ = std::move(services);
  ++revision_;
  for (auto& [cpu, seat] : seats_) {
    if (seat.channel == nullptr) continue;
    const absl::Status told = Brief(seat);
    if (!told.ok()) {
      LogError("worker cannot be told its services", {{"cpu", cpu}, {"why", told.message()}});
      seat.worker.refusal = std::string(told.message());
    }
  }
  return absl::OkStatus();
}

absl::Status WorkerFleet::AddCpu(int cpu, Fd own_map, Fd backends_map) {
  KOI_ASSIGN_OR_RETURN(WorkerView figures, WorkerView::Open(own_map.get()));
  seats_.emplace(cpu, Seat{.worker = {.cpu = cpu, .figures = std::move(figures)},
                           .own_map = std::move(own_map),
                           .backends_map = std::move(backends_map),
                           .channel = nullptr});
  return absl::OkStatus();
}

void WorkerFleet::AddListener(int cpu, ListenerFamily family, const Fd& listener) {
  seats_.at(cpu).listener_fds[family == ListenerFamily::kIp4 ? 0 : 1] = listener.get();
}

absl::Status WorkerFleet::Attach(int cpu, pid_t pid, int64_t starts, Fd channel) {
  const auto found = seats_.find(cpu);
  if (found == seats_.end())
    return absl::NotFoundError(absl::StrCat("no worker is expected on CPU ", cpu));
  Seat& seat = found->second;
  const WorkerFigures before = seat.worker.figures.Total();
  const bool serving =
      before.pid == static_cast<uint32_t>(pid) && Now() - before.heartbeat < kHeartbeatLimit;
  seat.worker.pid = pid;
  seat.worker.starts = starts;
  seat.worker.attached = Now();
  seat.worker.state = serving ? WorkerState::kServing : WorkerState::kStarting;
  KOI_ASSIGN_OR_RETURN(
      seat.channel, Channel::Open(
                        loop_, std::move(channel),
                        [this, &seat](const ChannelMessage& message) { OnMessage(seat, message); },
                        [&seat] { seat.channel.reset(); }));
  seat.worker.revision = 0;
  return Brief(seat);
}

absl::Status WorkerFleet::Brief(Seat& seat) {
  // A host without IPv6 has no second listener: the worker is given the first one twice, and
  // accepts from both.
  const int listener6 = seat.listener_fds[1] >= 0 ? seat.listener_fds[1] : seat.listener_fds[0];
  const WorkerWelcome welcome{
      .cpu = seat.worker.cpu, .node_name = node_name_, .revision = revision_};
  seat.worker.refusal.clear();
  KOI_RETURN_IF_ERROR(seat.channel->Send(
      EncodeWorkerMessage(welcome),
      {seat.listener_fds[0], listener6, seat.backends_map.get(), seat.own_map.get()}));
  for (const WorkerService& service : services_) {
    KOI_RETURN_IF_ERROR(seat.channel->Send(EncodeWorkerMessage(service)));
  }
  return seat.channel->Send(EncodeWorkerMessage(WorkerStart{}));
}

void WorkerFleet::OnMessage(Seat& seat, const ChannelMessage& message) {
  const absl::StatusOr<WorkerMessage> decoded = DecodeWorkerMessage(message.bytes);
  if (!decoded.ok()) {
    LogWarn("a worker sent something unreadable",
            {{"cpu", seat.worker.cpu}, {"why", decoded.status().message()}});
    return;
  }
  if (const auto* ready = std::get_if<WorkerReady>(&*decoded)) {
    seat.worker.state = WorkerState::kServing;
    seat.worker.revision = ready->revision;
    LogInfo("worker serves", {{"cpu", seat.worker.cpu}, {"pid", seat.worker.pid}});
  } else if (const auto* failed = std::get_if<WorkerFailed>(&*decoded); failed == nullptr) {
    return;
  } else if (failed->serving) {
    if (failed->revision == revision_) seat.worker.refusal = failed->why;
    LogError("worker keeps the services it had",
             {{"cpu", seat.worker.cpu}, {"pid", seat.worker.pid}, {"why", failed->why}});
  } else {
    seat.worker.state = WorkerState::kFailed;
    LogError("worker cannot serve",
             {{"cpu", seat.worker.cpu}, {"pid", seat.worker.pid}, {"why", failed->why}});
  }
}

void WorkerFleet::Detach(int cpu, pid_t pid) {
  const auto found = seats_.find(cpu);
  if (found == seats_.end() || found->second.worker.pid != pid) return;
  found->second.worker.pid = 0;
  if (found->second.worker.state != WorkerState::kFailed)
    found->second.worker.state = WorkerState::kGone;
  found->second.channel.reset();
}

void WorkerFleet::KillStuck(TimePoint now) {
  for (auto& [cpu, seat] : seats_) {
    if (seat.worker.pid == 0) continue;
    const bool serving = seat.worker.state == WorkerState::kServing;
    const TimePoint seen =
        serving ? std::max(seat.worker.figures.Total().heartbeat, seat.worker.attached)
                : seat.worker.attached;
    if (now - seen <= (serving ? kHeartbeatLimit : kBriefingLimit)) continue;
    LogWarn("worker is stuck",
            {{"cpu", cpu}, {"pid", seat.worker.pid}, {"silent", FormatDuration(now - seen)}});
    kill_(cpu, seat.worker.pid);
    seat.worker.attached = now;  // not again before another limit has passed
  }
}

std::vector<const WorkerFleet::Worker*> WorkerFleet::List() const {
  std::vector<const Worker*> workers;
  for (const auto& [cpu, seat] : seats_) workers.push_back(&seat.worker);
  return workers;
}

bool WorkerFleet::NobodyUses(uint32_t backend_number) const {
  return std::none_of(seats_.begin(), seats_.end(), [&](const auto& seat) {
    return seat.second.worker.figures.InUse(backend_number);
  });
}

}  // namespace koi
