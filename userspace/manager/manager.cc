// SPDX-License-Identifier: Apache-2.0
// Wiring the manager's parts together, in the order in which they depend on each other.
#include "manager/manager.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "config/schema.h"
#include "config/value.h"
#include "dataplane/bpffs.h"
#include "manager/takeover.h"
#include "net/socket.h"

namespace koi {
namespace {

constexpr Duration kWatchInterval = std::chrono::milliseconds(500);

}  // namespace

Manager::Manager(EventLoop& loop, Config config, std::vector<WorkerService> services)
    : loop_(loop),
      config_(std::move(config)),
      health_(loop, [this](uint32_t number, BackendHealth health,
                           const std::string& why) { OnHealth(number, health, why); }),
      workers_(loop,
               [this](KeeperMessageType order, int cpu, pid_t pid) {
                 TellKeeper({order, ChildRole::kWorker, cpu, pid, 0});
               }),
      certificates_(loop, workers_),
      carp_(loop) {
  workers_.SetBriefing(config_.node.name, std::move(services));
}

absl::StatusOr<std::unique_ptr<Manager>> Manager::Create(EventLoop& loop, Config config,
                                                         std::vector<WorkerService> services,
                                                         Fd keeper_channel) {
  std::unique_ptr<Manager> manager(new Manager(loop, std::move(config), std::move(services)));
  Manager* raw = manager.get();
  // The keeper's death is this process's too (its death signal): nothing is left to do when the
  // channel closes.
  KOI_ASSIGN_OR_RETURN(manager->keeper_, Channel::Open(
                                             loop, std::move(keeper_channel),
                                             [raw](ChannelMessage message) {
                                               raw->OnKeeperMessage(std::move(message));
                                             },
                                             [raw] { raw->loop_.Stop(); }));
  return manager;
}

int Manager::Run() {
  loop_.Run();
  return exit_code_;
}

void Manager::OnKeeperMessage(ChannelMessage received) {
  const absl::StatusOr<KeeperMessage> message = KeeperMessage::FromBytes(received.bytes);
  if (!message.ok()) return;
  Fd fd = received.fds.empty() ? Fd() : std::move(received.fds[0]);
  switch (message->type) {
    case KeeperMessageType::kHello: first_manager_ = message->value == 0; return;
    case KeeperMessageType::kListener:
      listeners_.push_back({message->cpu,
                            message->value == 0 ? ListenerFamily::kIp4 : ListenerFamily::kIp6,
                            std::move(fd)});
      return;
    case KeeperMessageType::kChildStarted: return OnChildStarted(*message, std::move(fd));
    case KeeperMessageType::kChildExited:
      if (message->role == ChildRole::kCarp) carp_.Detach();
      if (message->role == ChildRole::kWorker) workers_.Detach(message->cpu, message->pid);
      return;
    case KeeperMessageType::kListenersDone:
      if (const absl::Status up = SetUp(); !up.ok()) Fail(up);
      return;
    case KeeperMessageType::kPing:
      return TellKeeper({KeeperMessageType::kPong, ChildRole::kManager, -1, -1, message->value});
    case KeeperMessageType::kStop: return Stop();
    case KeeperMessageType::kHeld:  // pinned as well: taken from there
    case KeeperMessageType::kPong:
    case KeeperMessageType::kReady:
    case KeeperMessageType::kHold:
    case KeeperMessageType::kDrop:
    case KeeperMessageType::kKillChild:
    case KeeperMessageType::kReplaceChild:
    case KeeperMessageType::kRetireChild:
    case KeeperMessageType::kStopped:
    case KeeperMessageType::kBusy: return;
  }
}

void Manager::TellKeeper(KeeperMessage message, int fd) {
  const absl::Status sent =
      keeper_->Send(message.bytes(), fd >= 0 ? std::vector<int>{fd} : std::vector<int>{});
  if (!sent.ok()) LogWarn("cannot tell the keeper", {{"why", sent.message()}});
}

absl::Status Manager::SetUp() {
  KOI_RETURN_IF_ERROR(MakeDirectories(config_.node.run));
  if (first_manager_) KOI_RETURN_IF_ERROR(TakeHost());
  KOI_RETURN_IF_ERROR(OpenEndpoints());
  KOI_ASSIGN_OR_RETURN(
      DataPlane data_plane,
      DataPlane::Load(config_, first_manager_ ? ExistingMaps::kReplace : ExistingMaps::kReuse));
  data_plane_.emplace(std::move(data_plane));
  KOI_RETURN_IF_ERROR(data_plane_->Reconcile(config_, listeners_));
  KOI_ASSIGN_OR_RETURN(BackendMap backends, data_plane_->OpenBackends());
  pools_.emplace(std::move(backends), config_.pools, static_cast<PoolTableObserver&>(*this),
                 [this](uint32_t number) { return workers_.NobodyUses(number); });
  KOI_RETURN_IF_ERROR(pools_->Reconcile());
  KOI_RETURN_IF_ERROR(SetUpWorkers());
  KOI_ASSIGN_OR_RETURN(sk_lookup_link_, data_plane_->TakeLookups());
  KeeperMessage hold{KeeperMessageType::kHold};
  hold.SetName(kHeldSkLookupLink);
  TellKeeper(hold, sk_lookup_link_.get());
  collector_.emplace(
      StatsSources{config_, *data_plane_, *pools_, health_, workers_, carp_, started_});
  set_up_ = true;
  for (RunningChild& child : std::exchange(running_children_, {})) {
    OnChildStarted(child.message, std::move(child.channel));
  }
  certificates_.Follow(config_);
  TellKeeper({KeeperMessageType::kReady});
  LogInfo("ready", {{"node", config_.node.name},
                    {"interface", config_.node.interface},
                    {"vips", config_.vips.size()},
                    {"services", config_.services.size()},
                    {"took", FormatDuration(Now() - started_)}});
  Watch();
  return absl::OkStatus();
}

// The keeper holds the lock, so that it outlives this manager; later ones need not take it.
absl::Status Manager::TakeHost() {
  KOI_ASSIGN_OR_RETURN(pins_lock_, TakeOverHost(config_.node, config_.vips));
  KeeperMessage hold{KeeperMessageType::kHold};
  hold.SetName(kHeldPinsLock);
  TellKeeper(hold, pins_lock_.get());
  return absl::OkStatus();
}

absl::Status Manager::SetUpWorkers() {
  for (const WorkerListener& listener : listeners_) {
    if (listener.family == ListenerFamily::kIp4) {
      KOI_ASSIGN_OR_RETURN(Fd own_map, data_plane_->WorkerMap(listener.cpu));
      KOI_ASSIGN_OR_RETURN(Fd backends_map, Fd::DuplicateOf(pools_->map_fd()));
      KOI_RETURN_IF_ERROR(
          workers_.AddCpu(listener.cpu, std::move(own_map), std::move(backends_map)));
    }
    workers_.AddListener(listener.cpu, listener.family, listener.fd);
  }
  return absl::OkStatus();
}

absl::Status Manager::OpenEndpoints() {
  KOI_ASSIGN_OR_RETURN(Fd control, ListenUnix(absl::StrCat(config_.node.run, "/koi.sock")));
  KOI_ASSIGN_OR_RETURN(control_server_,
                       HttpServer::Start(loop_, std::move(control), {}, ControlHandler(*this)));
  if (!config_.stats.has_value()) return absl::OkStatus();
  absl::StatusOr<Fd> listener = ListenTcp(config_.stats->listen);
  if (!listener.ok()) return Annotate(listener.status(), "stats endpoint");
  HttpServer::Options options;
  options.user = config_.stats->user;
  options.password = config_.stats->password;
  options.open_paths = {kHealthPath};
  KOI_ASSIGN_OR_RETURN(stats_server_, HttpServer::Start(loop_, *std::move(listener),
                                                        std::move(options), StatsHandler(*this)));
  return absl::OkStatus();
}

void Manager::OnChildStarted(const KeeperMessage& message, Fd channel) {
  if (!set_up_) {
    running_children_.push_back({message, std::move(channel)});
    return;
  }
  absl::Status attached;
  if (message.role == ChildRole::kCarp) {
    absl::StatusOr<Fd> gates = data_plane_->GatesMap();
    attached = gates.ok() ? carp_.Attach(std::move(channel), CarpConfigureFrom(config_),
                                         data_plane_->xdp_program_fd(), gates->get())
                          : gates.status();
  } else {
    attached = workers_.Attach(message.cpu, message.pid, message.value, std::move(channel));
  }
  if (!attached.ok()) {
    LogError("cannot brief a child", {{"pid", message.pid}, {"why", attached.message()}});
    TellKeeper({KeeperMessageType::kKillChild, message.role, message.cpu, message.pid, 0});
  }
}

void Manager::Watch() {
  // An interface that is gone for now: koi-carp says so and waits for it.
  (void)data_plane_->RefreshOwnMac(config_.node.interface);
  watch_timer_ = loop_.After(kWatchInterval, [this] { Watch(); });
}

void Manager::Stop() {
  if (set_up_) {
    const absl::Status removed = RemovePins(config_.node.bpffs);
    if (!removed.ok()) LogWarn("cannot remove what was pinned", {{"why", removed.message()}});
  }
  if (control_server_ != nullptr)
    (void)::unlink(absl::StrCat(config_.node.run, "/koi.sock").c_str());
  LogInfo("stopped");
  loop_.Stop();
}

void Manager::Fail(const absl::Status& why) {
  LogError("cannot start", {{"why", why.message()}});
  exit_code_ = absl::IsAlreadyExists(why)      ? kExitConflict
               : absl::IsPermissionDenied(why) ? kExitRefused
                                               : kExitFailure;
  if (pins_lock_.valid()) (void)RemovePins(config_.node.bpffs);
  if (first_manager_ && control_server_ != nullptr) {
    (void)::unlink(absl::StrCat(config_.node.run, "/koi.sock").c_str());
  }
  loop_.Stop();
}

void Manager::OnHealth(uint32_t number, BackendHealth health, const std::string& why) {
  pools_->SetHealth(number, health);
  for (const BackendEntry& backend : pools_->List()) {
    if (backend.number != number) continue;
    const std::initializer_list<LogField> fields = {{"pool", backend.pool_name},
                                                    {"backend", backend.name},
                                                    {"address", backend.endpoint.ToString()},
                                                    {"why", why}};
    if (health == BackendHealth::kUp) {
      LogInfo("backend is up", fields);
    } else {
      LogWarn("backend is down", fields);
    }
  }
}

void Manager::BackendAdded(const BackendEntry& backend) {
  health_.Watch(backend, config_.pools[backend.pool].check);
}

void Manager::BackendRemoved(const BackendEntry& backend) { health_.Forget(backend.number); }

absl::StatusOr<BackendChange> Manager::AddBackend(const BackendAdd& add) {
  KOI_ASSIGN_OR_RETURN(const Endpoint endpoint, Endpoint::Parse(add.address));
  const ConfigKey* weight = FindConfigKey("pool.backend", "weight");
  KOI_CHECK(weight != nullptr);
  if (add.weight < weight->minimum || add.weight > weight->maximum) {
    return absl::InvalidArgumentError(
        absl::StrCat("weight ", add.weight, " is not ", Expectation(*weight)));
  }
  if (!IsName(add.name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", add.name, "\" is no name: 1 to 31 letters, digits, \"_\", \".\" and \"-\""));
  }
  return Changed(pools_->Add(add.pool, add.name, endpoint, add.weight));
}

absl::StatusOr<BackendChange> Manager::DrainBackend(const BackendName& name) {
  return Changed(pools_->SetAdmin(name.pool, name.name, BackendAdmin::kDraining));
}

absl::StatusOr<BackendChange> Manager::UndrainBackend(const BackendName& name) {
  return Changed(pools_->SetAdmin(name.pool, name.name, BackendAdmin::kEnabled));
}

absl::StatusOr<BackendChange> Manager::RemoveBackend(const BackendName& name) {
  return Changed(pools_->Remove(name.pool, name.name));
}

absl::StatusOr<CpuStats> Manager::ReplaceWorker(const WorkerReplace& order) {
  KOI_RETURN_IF_ERROR(workers_.Replace(order.cpu, std::chrono::milliseconds(order.limit_ms)));
  for (const CpuStats& cpu : collector_->Collect().cpus) {
    if (cpu.cpu == order.cpu) return cpu;
  }
  return absl::NotFoundError(absl::StrCat("there is no CPU ", order.cpu));
}

absl::StatusOr<BackendChange> Manager::Changed(const absl::StatusOr<BackendEntry>& backend) const {
  KOI_RETURN_IF_ERROR(backend.status());
  return BackendChange{backend->pool_name, collector_->CollectBackend(*backend)};
}

}  // namespace koi
