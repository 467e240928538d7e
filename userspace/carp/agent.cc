// SPDX-License-Identifier: Apache-2.0
// Channels, configuration, the shared link and the end of the process.
#include "carp/agent.h"

#include <linux/sockios.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "carp/advert.h"

namespace koi {
namespace {

// Without a manager nobody checks this host's data plane: let another one be master, if there is
// one.
constexpr Duration kManagerAbsenceLimit = std::chrono::seconds(10);

// Whoever changes the host's address may remove the old one first.
constexpr Duration kAddressAbsenceLimit = std::chrono::seconds(2);

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::Create(EventLoop& loop, Fd keeper, Fd manager) {
  KOI_ASSIGN_OR_RETURN(Netlink netlink, Netlink::Open());
  std::unique_ptr<Agent> agent(new Agent(loop, std::move(netlink)));
  Agent* const raw = agent.get();
  KOI_RETURN_IF_ERROR(agent->WatchSignals());
  KOI_ASSIGN_OR_RETURN(agent->interface_,
                       InterfaceWatch::Open(loop, agent->netlink_,
                                            {.on_change = [raw] { raw->BringLinkUpToDate(); },
                                             .on_vip_removed =
                                                 [raw](const Address& vip) {
                                                   for (const auto& group : raw->groups_)
                                                     group->OnVipRemoved(vip);
                                                 }}));
  KOI_ASSIGN_OR_RETURN(agent->keeper_, Channel::Open(
                                           loop, std::move(keeper),
                                           [raw](ChannelMessage message) {
                                             raw->OnKeeperMessage(std::move(message));
                                           },
                                           [raw] {
                                             // Nobody would start us again or hold the link: the
                                             // node is gone, the leases end.
                                             LogError("the keeper is gone");
                                             raw->exit_code_ = kExitFailure;
                                             raw->loop_.Stop();
                                           }));
  KOI_ASSIGN_OR_RETURN(
      agent->manager_,
      Channel::Open(
          loop, std::move(manager),
          [raw](ChannelMessage message) { raw->OnManagerMessage(std::move(message)); },
          [raw] {
            LogWarn("the manager's channel is closed; going on alone");
            raw->manager_.reset();
          }));
  return agent;
}

Agent::Agent(EventLoop& loop, Netlink netlink)
    : loop_(loop),
      netlink_(std::move(netlink)),
      xdp_(loop, netlink_,
           {.hold =
                [this](int link_fd) {
                  KeeperMessage hold{KeeperMessageType::kHold};
                  hold.SetName(kHeldXdpLink);
                  TellKeeper(hold, link_fd);
                },
            .drop =
                [this] {
                  KeeperMessage drop{KeeperMessageType::kDrop};
                  drop.SetName(kHeldXdpLink);
                  TellKeeper(drop);
                },
            .busy =
                [this](Duration at_most) {
                  TellKeeper({KeeperMessageType::kBusy, ChildRole::kCarp, -1, -1,
                              ToMilliseconds(at_most)});
                }}),
      manager_read_at_(Now()) {}

absl::Status Agent::WatchSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signal_fd_.valid()) return absl::ErrnoToStatus(errno, "cannot watch signals");
  KOI_ASSIGN_OR_RETURN(signal_watch_, loop_.Add(signal_fd_.get(), EPOLLIN, [this](uint32_t) {
    signalfd_siginfo info;
    while (::read(signal_fd_.get(), &info, sizeof(info)) == sizeof(info)) {
    }
    BeginStop();
  }));
  return absl::OkStatus();
}

int Agent::Run() {
  EachSecond();
  loop_.Run();
  return exit_code_;
}

void Agent::OnKeeperMessage(ChannelMessage received) {
  const absl::StatusOr<KeeperMessage> message = KeeperMessage::FromBytes(received.bytes);
  if (!message.ok()) {
    LogError("cannot read the keeper's message", {{"why", message.status().message()}});
    return;
  }
  switch (message->type) {
    case KeeperMessageType::kPing:
      TellKeeper({KeeperMessageType::kPong, ChildRole::kCarp, -1, -1, message->value});
      return;
    case KeeperMessageType::kStop: BeginStop(); return;
    case KeeperMessageType::kHeld:
      if (absl::string_view(message->name) == kHeldXdpLink && received.fds.size() == 1) {
        xdp_.TakeOver(std::move(received.fds[0]));
      }
      return;
    case KeeperMessageType::kHello:  // all others are for or from the manager
    case KeeperMessageType::kListener:
    case KeeperMessageType::kChildStarted:
    case KeeperMessageType::kChildExited:
    case KeeperMessageType::kListenersDone:
    case KeeperMessageType::kReload:
    case KeeperMessageType::kPong:
    case KeeperMessageType::kReady:
    case KeeperMessageType::kHold:
    case KeeperMessageType::kDrop:
    case KeeperMessageType::kKillChild:
    case KeeperMessageType::kBusy:
    case KeeperMessageType::kReplaceChild:
    case KeeperMessageType::kRetireChild:
    case KeeperMessageType::kStopped: return;
  }
}

void Agent::OnManagerMessage(ChannelMessage received) {
  absl::StatusOr<CarpMessage> message = DecodeCarpMessage(received.bytes);
  if (!message.ok()) {
    LogError("cannot read the manager's message", {{"why", message.status().message()}});
    return;
  }
  const auto* config = std::get_if<CarpConfigure>(&*message);
  if (config == nullptr || received.fds.size() != kCarpFdCount) {
    LogError("the manager sent something else than a configuration",
             {{"descriptors", received.fds.size()}});
    return;
  }
  if (!stopping_) Configure(*config, std::move(received.fds));
}

void Agent::Configure(const CarpConfigure& config, std::vector<Fd> fds) {
  LogInfo("configured", {{"interface", config.interface}, {"groups", config.groups.size()}});
  if (!interface_name_.empty() && interface_name_ != config.interface) {
    LinkDown(absl::StrCat("moving to interface ", config.interface));
    xdp_.SetInterface(std::nullopt);
  }
  interface_name_ = config.interface;
  auto gates = std::make_unique<GateMap>(std::move(fds[kCarpGatesMapFd]));
  ConfigureGroups(config.groups, gates.get());
  gates_ = std::move(gates);  // the groups have let go of the old one

  std::vector<Address> vips;
  for (const CarpGroup& group : config.groups) {
    vips.insert(vips.end(), group.vips.begin(), group.vips.end());
  }
  interface_->Select(config.interface, std::move(vips));
  xdp_.Configure(std::move(fds[kCarpProgramFd]), config.xdp);
  BringLinkUpToDate();
  OnGroupChange();
}

Group::Surroundings Agent::SurroundingsOfGroups() {
  return {.loop = loop_,
          .netlink = netlink_,
          .send = [this](absl::string_view frame) -> absl::Status {
            if (socket_ == nullptr) return absl::UnavailableError("the interface is not usable");
            return socket_->Send(frame);
          },
          .on_change = [this] { OnGroupChange(); }};
}

// A group is known by its vhid: its number and its VIPs may have been another's before. So what is
// gone lets go first, and at the end each group takes again what is its own now.
void Agent::ConfigureGroups(const std::vector<CarpGroup>& groups, GateMap* gates) {
  std::vector<std::unique_ptr<Group>> before = std::exchange(groups_, {});
  std::vector<uint32_t> gates_before;
  for (const std::unique_ptr<Group>& group : before) {
    gates_before.push_back(group->number());
    const bool stays = std::any_of(groups.begin(), groups.end(), [&](const CarpGroup& config) {
      return config.carp.vhid == group->vhid();
    });
    if (!stays) group->Abandon();
  }
  for (const CarpGroup& config : groups) {
    const auto known =
        std::find_if(before.begin(), before.end(), [&](const std::unique_ptr<Group>& group) {
          return group != nullptr && group->vhid() == config.carp.vhid;
        });
    absl::Status configured;
    if (known != before.end()) {
      configured = (*known)->Configure(config, gates);
      if (!configured.ok()) (*known)->Abandon();
      if (configured.ok()) groups_.push_back(std::move(*known));
    } else {
      auto created = Group::Create(config, SurroundingsOfGroups(), gates);
      configured = created.status();
      if (created.ok()) groups_.push_back(*std::move(created));
    }
    if (!configured.ok()) {
      LogError("a group cannot run", {{"vhid", config.carp.vhid}, {"why", configured.message()}});
    }
  }
  for (const uint32_t number : gates_before) {
    const bool used = std::any_of(groups_.begin(), groups_.end(),
                                  [&](const auto& group) { return group->number() == number; });
    if (used) continue;
    const absl::Status closed = gates->Close(number);
    if (!closed.ok()) LogError("cannot close a gate", {{"why", closed.message()}});
  }
  for (const auto& group : groups_) group->HoldOn();
}

void Agent::BringLinkUpToDate() {
  const std::optional<Interface>& interface = interface_->interface();
  xdp_.SetInterface(interface);
  if (!interface_->usable()) {
    LinkDown(interface_->WhyUnusable());
    return;
  }
  if (const absl::Status opened = OpenSocket(*interface); !opened.ok()) {
    LinkDown(absl::StrCat("cannot use interface ", interface->name, ": ", opened.message()));
    return;
  }
  if (!last_link_trouble_.empty()) LogInfo("interface usable", {{"interface", interface->name}});
  last_link_trouble_.clear();
  NoteOwnAddress();
  for (const auto& group : groups_) group->LinkUp(*interface, own_ip4_);
}

void Agent::NoteOwnAddress() {
  if (interface_->first_ip4().has_value()) {
    own_ip4_ = interface_->first_ip4();
    own_ip4_gone_.Cancel();
  } else if (own_ip4_.has_value() && !own_ip4_gone_.pending()) {
    own_ip4_gone_ = loop_.After(kAddressAbsenceLimit, [this] {
      own_ip4_.reset();
      BringLinkUpToDate();
    });
  }
}

absl::Status Agent::OpenSocket(const Interface& interface) {
  if (socket_ != nullptr && socket_interface_.index == interface.index) return absl::OkStatus();
  // Another interface of the same name: nothing of ours is on it.
  if (socket_ != nullptr) LinkDown(absl::StrCat("interface ", interface.name, " was replaced"));
  KOI_ASSIGN_OR_RETURN(socket_,
                       AdvertSocket::Open(loop_, interface.index,
                                          [this](absl::string_view frame) { OnFrame(frame); }));
  socket_interface_ = interface;
  return absl::OkStatus();
}

void Agent::LinkDown(const std::string& reason) {
  if (reason != last_link_trouble_) {
    last_link_trouble_ = reason;
    LogError("CARP waits for its interface", {{"why", reason}});
  }
  for (const auto& group : groups_) group->LinkDown(reason);
  socket_.reset();
  own_ip4_.reset();
  own_ip4_gone_.Cancel();
}

void Agent::OnFrame(absl::string_view frame) {
  const DecodedAdvert decoded = DecodeAdvertFrame(frame);
  for (const auto& group : groups_) {
    if (group->vhid() == decoded.vhid) group->Receive(decoded);
  }
}

void Agent::OnGroupChange() {
  xdp_.SetWanted(std::any_of(groups_.begin(), groups_.end(),
                             [](const auto& group) { return group->holds_vips(); }));
  SendReport();
  FinishIfStopped();
}

void Agent::EachSecond() {
  each_second_ = loop_.After(std::chrono::seconds(1), [this] { EachSecond(); });
  // Looked at anyway: an interface that could not be used may have become usable without an event.
  if (!interface_name_.empty() && socket_ == nullptr) {
    interface_->Refresh();
    BringLinkUpToDate();
  }
  xdp_.Retry();
  WatchManager();
}

// The keeper holds the manager's end of the channel too, so that it stays open when the manager
// dies; but then nobody reads it.
void Agent::WatchManager() {
  int unread_bytes = 0;
  const bool all_read = manager_ != nullptr && manager_->idle() &&
                        ::ioctl(manager_->fd(), SIOCOUTQ, &unread_bytes) == 0 && unread_bytes == 0;
  if (all_read) {
    manager_read_at_ = Now();
    SendReport();  // else it would only find old ones first, once it reads again
  }
  const bool absent = Now() - manager_read_at_ > kManagerAbsenceLimit;
  if (absent != manager_absent_) {
    manager_absent_ = absent;
    if (absent) {
      LogWarn("no manager: adverts are those of a demoted host");
    } else {
      LogInfo("the manager is back");
    }
  }
  for (const auto& group : groups_) group->SetDemoted(absent);
}

void Agent::SendReport() {
  if (manager_ == nullptr || interface_name_.empty()) return;
  CarpReport report = {.groups = {}, .xdp = xdp_.Report()};
  for (const auto& group : groups_) report.groups.push_back(group->Report());
  const absl::Status sent = manager_->Send(EncodeCarpMessage(report));
  // Unavailable: its end is noticed by the channel. Exhausted: it has enough to read.
  if (!sent.ok() && !absl::IsUnavailable(sent) && !absl::IsResourceExhausted(sent)) {
    LogError("cannot report to the manager", {{"why", sent.message()}});
  }
}

void Agent::BeginStop() {
  if (stopping_) return;
  stopping_ = true;
  LogInfo("stopping");
  for (const auto& group : groups_) group->Stop();
  FinishIfStopped();
}

void Agent::FinishIfStopped() {
  if (!stopping_ || finished_) return;
  if (!std::all_of(groups_.begin(), groups_.end(),
                   [](const auto& group) { return group->stopped(); })) {
    return;
  }
  finished_ = true;
  xdp_.Stop();
  SendReport();
  TellKeeper({KeeperMessageType::kStopped, ChildRole::kCarp});
  LogInfo("stopped");
  loop_.Stop();
}

void Agent::TellKeeper(KeeperMessage message, int fd) {
  message.role = ChildRole::kCarp;
  const absl::Status sent =
      keeper_->Send(message.bytes(), fd < 0 ? std::vector<int>{} : std::vector<int>{fd});
  if (!sent.ok() && !absl::IsUnavailable(sent)) {
    LogError("cannot tell the keeper", {{"why", sent.message()}});
  }
}

int RunCarp() {
  const auto fail = [](const absl::Status& status) {
    LogError("cannot start", {{"why", status.message()}});
    return kExitFailure;
  };
  absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create();
  if (!loop.ok()) return fail(loop.status());
  auto agent = Agent::Create(**loop, Fd(kChildChannelFd), Fd(kCarpManagerChannelFd));
  if (!agent.ok()) return fail(agent.status());
  return (*agent)->Run();
}

}  // namespace koi
