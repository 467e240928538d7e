// SPDX-License-Identifier: Apache-2.0
// Messages from and to the keeper.
#include "manager/keeper_client.h"

#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace koi {

absl::StatusOr<std::unique_ptr<KeeperClient>> KeeperClient::Open(EventLoop& loop, Fd channel,
                                                                 KeeperObserver& observer) {
  std::unique_ptr<KeeperClient> client(new KeeperClient(observer));
  KeeperClient* const raw = client.get();
  // The keeper's death is this process's too (its death signal): nothing is left to do when the
  // channel closes.
  KOI_ASSIGN_OR_RETURN(client->channel_,
                       Channel::Open(
                           loop, std::move(channel),
                           [raw](ChannelMessage message) { raw->OnMessage(std::move(message)); },
                           [&loop] { loop.Stop(); }));
  return client;
}

void KeeperClient::Ready() { Tell({KeeperMessageType::kReady}); }

void KeeperClient::Busy(Duration limit) {
  Tell({KeeperMessageType::kBusy, ChildRole::kManager, -1, -1, ToMilliseconds(limit)});
}

void KeeperClient::Hold(absl::string_view name, int fd) {
  KeeperMessage hold{KeeperMessageType::kHold};
  hold.SetName(name);
  Tell(hold, fd);
}

void KeeperClient::Order(KeeperMessageType order, ChildRole role, int cpu, pid_t pid) {
  Tell({order, role, cpu, pid, 0});
}

void KeeperClient::OnMessage(ChannelMessage received) {
  const absl::StatusOr<KeeperMessage> message = KeeperMessage::FromBytes(received.bytes);
  if (!message.ok()) return;
  Fd fd = received.fds.empty() ? Fd() : std::move(received.fds[0]);
  switch (message->type) {
    case KeeperMessageType::kHello: greeting_.first_manager = message->value == 0; return;
    case KeeperMessageType::kListener:
      greeting_.listeners.push_back(
          {message->cpu, message->value == 0 ? ListenerFamily::kIp4 : ListenerFamily::kIp6,
           std::move(fd)});
      return;
    case KeeperMessageType::kHeld: greeting_.held[message->name] = std::move(fd); return;
    case KeeperMessageType::kChildStarted: {
      StartedChild child{message->role, message->cpu, message->pid, message->value, std::move(fd)};
      if (greeted_) return observer_.OnChildStarted(std::move(child));
      greeting_.children.push_back(std::move(child));
      return;
    }
    case KeeperMessageType::kChildExited:
      if (greeted_) observer_.OnChildExited(message->role, message->cpu, message->pid);
      return;
    case KeeperMessageType::kListenersDone:
      greeted_ = true;
      return observer_.OnGreeting(std::exchange(greeting_, {}));
    case KeeperMessageType::kPing:
      return Tell({KeeperMessageType::kPong, ChildRole::kManager, -1, -1, message->value});
    case KeeperMessageType::kReload: return observer_.OnReload();
    case KeeperMessageType::kStop: return observer_.OnStop();
    case KeeperMessageType::kPong:
    case KeeperMessageType::kBusy:
    case KeeperMessageType::kReady:
    case KeeperMessageType::kHold:
    case KeeperMessageType::kDrop:
    case KeeperMessageType::kKillChild:
    case KeeperMessageType::kReplaceChild:
    case KeeperMessageType::kRetireChild:
    case KeeperMessageType::kStopped: return;
  }
}

void KeeperClient::Tell(const KeeperMessage& message, int fd) {
  const absl::Status sent =
      channel_->Send(message.bytes(), fd >= 0 ? std::vector<int>{fd} : std::vector<int>{});
  if (!sent.ok()) LogWarn("cannot tell the keeper", {{"why", sent.message()}});
}

}  // namespace koi
