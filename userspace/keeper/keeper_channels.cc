// SPDX-License-Identifier: Apache-2.0
// What the keeper and its children say to each other: briefings, answers, and what the manager
// orders.
#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "keeper/keeper.h"
#include "keeper/privileges.h"

namespace koi {
namespace {

// No child is silent for longer on its own word. Its next answer, or its word, ends the allowance.
constexpr Duration kBusyLimit = std::chrono::seconds(20);

}  // namespace

void Keeper::OpenKeeperChannel(Child& child, Fd end) {
  absl::StatusOr<std::unique_ptr<Channel>> channel = Channel::Open(
      loop_, std::move(end),
      [this, &child](ChannelMessage message) { OnMessage(child, std::move(message)); },
      [] { /* The end of the process itself is what counts: SIGCHLD tells. */ });
  if (!channel.ok()) {
    LogError("cannot open a channel", {{"why", channel.status().message()}});
    ::kill(child.pid, SIGKILL);
    return;
  }
  child.channel = *std::move(channel);
}

void Keeper::OnMessage(Child& child, ChannelMessage received) {
  const absl::StatusOr<KeeperMessage> message = KeeperMessage::FromBytes(received.bytes);
  if (!message.ok()) return;
  switch (message->type) {
    case KeeperMessageType::kPong:
      child.answered = loop_.now();
      child.ever_answered = true;
      return;
    case KeeperMessageType::kBusy:
      child.answered =
          loop_.now() + std::min<Duration>(std::chrono::milliseconds(message->value), kBusyLimit);
      return;
    case KeeperMessageType::kReady:
      if (&child == &manager_) OnReady();
      return;
    case KeeperMessageType::kHold: {
      if (received.fds.size() != 1) return;
      const absl::Status held = descriptors_.Hold(message->name, std::move(received.fds[0]));
      if (!held.ok())
        LogWarn("cannot hold a descriptor", {{"name", message->name}, {"why", held.message()}});
      return;
    }
    case KeeperMessageType::kDrop: descriptors_.Drop(message->name); return;
    case KeeperMessageType::kKillChild:
      if (&child == &manager_) OnKill(*message);
      return;
    case KeeperMessageType::kReplaceChild:
      if (&child == &manager_) OnReplace(*message);
      return;
    case KeeperMessageType::kRetireChild:
      if (&child == &manager_) OnRetire(*message);
      return;
    case KeeperMessageType::kStopped:  // the exit that follows is what counts
    case KeeperMessageType::kHello:
    case KeeperMessageType::kListener:
    case KeeperMessageType::kHeld:
    case KeeperMessageType::kChildStarted:
    case KeeperMessageType::kChildExited:
    case KeeperMessageType::kListenersDone:
    case KeeperMessageType::kPing:
    case KeeperMessageType::kReload:
    case KeeperMessageType::kStop: return;
  }
}

void Keeper::OnReady() {
  if (phase_ != Phase::kStarting) return;
  phase_ = Phase::kRunning;
  ever_ready_ = true;
  Start(carp_);
  for (const auto& worker : workers_) Start(*worker);
}

void Keeper::OnKill(const KeeperMessage& order) {
  Child* child = ByPid(order.pid);
  if (child == nullptr || child->program.role != order.role) return;
  LogWarn("killing on the manager's word",
          {{"program", PrivilegesOf(order.role).program}, {"pid", order.pid}, {"cpu", order.cpu}});
  ::kill(order.pid, SIGKILL);
}

std::unique_ptr<Keeper::Child>* Keeper::PlaceOf(const KeeperMessage& order) {
  if (order.role != ChildRole::kWorker || phase_ != Phase::kRunning) return nullptr;
  for (auto& worker : workers_) {
    if (worker->program.cpu == order.cpu && worker->pid == order.pid) return &worker;
  }
  return nullptr;
}

std::unique_ptr<Keeper::Child> Keeper::NewWorker(const Child& like) const {
  auto worker = std::make_unique<Child>();
  worker->program = like.program;
  worker->starts = like.starts;
  return worker;
}

bool Keeper::ForgetOther(const Child& ended) {
  return std::erase_if(others_, [&](const auto& other) { return other.get() == &ended; }) > 0;
}

void Keeper::OnReplace(const KeeperMessage& order) {
  std::unique_ptr<Child>* place = PlaceOf(order);
  if (place == nullptr || others_.size() >= kMaxOthers) return;
  std::unique_ptr<Child> second = NewWorker(**place);
  if (const absl::Status spawned = Spawn(*second); !spawned.ok()) {
    LogError("cannot start a second worker", {{"cpu", order.cpu}, {"why", spawned.message()}});
    return;
  }
  others_.push_back(std::move(second));
}

void Keeper::OnRetire(const KeeperMessage& order) {
  std::unique_ptr<Child>* place = PlaceOf(order);
  if (place == nullptr) return;
  (*place)->retired = true;
  if (PutSecond(*place)) return;
  others_.push_back(std::exchange(*place, NewWorker(**place)));
  Start(**place);
}

bool Keeper::PutSecond(std::unique_ptr<Child>& place) {
  for (auto& other : others_) {
    if (other->program.cpu != place->program.cpu || other->retired) continue;
    std::swap(other, place);
    return true;
  }
  return false;
}

void Keeper::BriefManager() {
  Tell(manager_, {KeeperMessageType::kHello, ChildRole::kManager, -1, -1, manager_.starts - 1});
  descriptors_.ForEachListener([this](int cpu, int family, int fd) {
    Tell(manager_, {KeeperMessageType::kListener, ChildRole::kWorker, cpu, -1, family}, fd);
  });
  descriptors_.ForEachHeld([this](const std::string& name, int fd) {
    KeeperMessage held{KeeperMessageType::kHeld};
    held.SetName(name);
    Tell(manager_, held, fd);
  });
  const auto running = [this](const Child& child) {
    if (child.pid < 0) return;
    Tell(manager_,
         {KeeperMessageType::kChildStarted, child.program.role, child.program.cpu, child.pid,
          child.starts},
         child.manager_end.get());
  };
  running(carp_);
  for (const auto& worker : workers_) running(*worker);
  for (const auto& worker : others_) running(*worker);
  Tell(manager_, {KeeperMessageType::kListenersDone});
}

// An XDP link that an earlier carp attached: this one takes it over instead of attaching beside it.
void Keeper::BriefCarp(Child& carp) {
  descriptors_.ForEachHeld([this, &carp](const std::string& name, int fd) {
    if (name != kHeldXdpLink) return;
    KeeperMessage held{KeeperMessageType::kHeld};
    held.SetName(name);
    Tell(carp, held, fd);
  });
}

void Keeper::Tell(Child& child, KeeperMessage message, int fd) {
  if (child.channel == nullptr) return;
  const absl::Status sent =
      child.channel->Send(message.bytes(), fd >= 0 ? std::vector<int>{fd} : std::vector<int>{});
  // Gone: its end is on the way. Not reading: it will not answer pings either.
  if (!sent.ok() && !absl::IsUnavailable(sent)) {
    LogWarn("cannot tell a child", {{"program", child.program.path}, {"why", sent.message()}});
  }
}

void Keeper::Ask(Child& child) {
  Tell(child, {KeeperMessageType::kPing, child.program.role, -1, child.pid, 0});
}

}  // namespace koi
