// SPDX-License-Identifier: Apache-2.0
// Wiring the parts together, in the order in which they depend on each other.
#include "manager/running_node.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/sealed_file.h"
#include "base/status_macros.h"
#include "dataplane/bpffs.h"
#include "manager/snapshot.h"
#include "manager/takeover.h"

namespace koi {
namespace {

constexpr Duration kWatchInterval = std::chrono::milliseconds(500);

}  // namespace

RunningNode::RunningNode(EventLoop& loop, KeeperClient& keeper)
    : loop_(loop),
      keeper_(keeper),
      health_(loop, [this](uint32_t number, BackendHealth health,
                           const std::string& why) { OnHealth(number, health, why); }),
      ways_(loop, {.on_interfaces =
                       [this](const std::vector<uint32_t>& interfaces) {
                         const absl::Status set = data_plane_->SetDevices(interfaces);
                         if (set.ok()) return;
                         LogError("cannot send out of an interface", {{"why", set.message()}});
                       },
                   .on_way = [this](const BackendEntry& backend,
                                    const BackendWay& way) { pools_->SetWay(backend, way); }}),
      access_logs_(loop, [this](absl::string_view name, int fd) { keeper_.Hold(name, fd); }),
      workers_(loop, [this](KeeperMessageType order, int cpu,
                            pid_t pid) { keeper_.Order(order, ChildRole::kWorker, cpu, pid); }),
      certificates_(loop, workers_),
      tickets_(loop, workers_,
               [this](absl::string_view kept) { Keep(kHeldTicketKeys, "koi-tickets", kept); }),
      carp_(loop),
      endpoints_(loop) {}

absl::Status RunningNode::SetUp(const ConfigSources& sources, Beginning beginning,
                                KeeperGreeting greeting) {
  KOI_RETURN_IF_ERROR(SetUpParts(sources, std::move(beginning), greeting));
  for (StartedChild& child : greeting.children) ChildStarted(std::move(child));
  listeners_ = std::move(greeting.listeners);
  keeper_.Ready();
  LogInfo("ready", {{"node", config().node.name},
                    {"interface", config().node.interface},
                    {"vips", config().vips.size()},
                    {"services", config().services.size()},
                    {"took", FormatDuration(Now() - started_)}});
  Watch();
  return absl::OkStatus();
}

absl::Status RunningNode::SetUpParts(const ConfigSources& sources, Beginning beginning,
                                     const KeeperGreeting& greeting) {
  const Config& config = beginning.desired.config;
  if (greeting.first_manager) {
    // The keeper holds the lock, so that it outlives this manager; later ones need not take it.
    KOI_ASSIGN_OR_RETURN(pins_lock_, TakeOverHost(config.node, config.vips));
    keeper_.Hold(kHeldPinsLock, pins_lock_.get());
    pins_ = config.node.bpffs;
  }
  KOI_RETURN_IF_ERROR(endpoints_.Bind(config.node.run, config.stats));
  KOI_ASSIGN_OR_RETURN(DataPlane data_plane,
                       DataPlane::Load(config, greeting.first_manager ? ExistingMaps::kReplace
                                                                      : ExistingMaps::kReuse));
  data_plane_.emplace(std::move(data_plane));
  KOI_RETURN_IF_ERROR(data_plane_->SetUpSteering(config, greeting.listeners));
  KOI_ASSIGN_OR_RETURN(BackendMap backends, data_plane_->OpenBackends());
  pools_.emplace(
      std::move(backends), static_cast<PoolTableObserver&>(*this),
      [this](uint32_t number) { return workers_.NobodyUses(number) && rings_->Free(number); });
  KOI_ASSIGN_OR_RETURN(RingKeeper rings, data_plane_->OpenRings());
  rings_.emplace(loop_, *pools_, std::move(rings));
  reconciler_.emplace(
      NodeParts{loop_, *data_plane_, *pools_, *rings_, workers_, carp_, endpoints_});
  const auto kept = greeting.held.find(kHeldTicketKeys);
  tickets_.Begin(config.tickets,
                 kept == greeting.held.end() ? "" : SealedBytes(kept->second.get()).value_or(""));
  workers_.SetBriefing(config.node.name, beginning.desired.services, beginning.desired.pools);
  KOI_RETURN_IF_ERROR(SetUpWorkers(greeting));
  KOI_RETURN_IF_ERROR(SetUpDenied(config.node.state));
  KOI_RETURN_IF_ERROR(reconciler_->SetUp(beginning.desired));
  KOI_ASSIGN_OR_RETURN(sk_lookup_link_, data_plane_->TakeLookups());
  keeper_.Hold(kHeldSkLookupLink, sk_lookup_link_.get());

  warnings_ = std::move(beginning.warnings);
  operations_.emplace(
      loop_, sources, std::move(beginning.desired),
      Operations::Parts{*reconciler_, *pools_, workers_, certificates_, *denied_, *data_plane_},
      [this](const Desired& running) {
        Keep(running);
        tickets_.Follow(running.config.tickets);
      });
  collector_.emplace(StatsSources{operations_->running(), *data_plane_, *pools_, *rings_, health_,
                                  workers_, carp_, certificates_, access_logs_, warnings_,
                                  started_});
  operations_->SetCollector(*collector_);
  pins_ = operations_->running().config.node.bpffs;
  Keep(operations_->running());
  return endpoints_.Serve(*operations_);
}

absl::Status RunningNode::SetUpWorkers(const KeeperGreeting& greeting) {
  for (const WorkerListener& listener : greeting.listeners) {
    if (listener.family == ListenerFamily::kIp4) {
      KOI_ASSIGN_OR_RETURN(Fd own_map, data_plane_->WorkerMap(listener.cpu));
      KOI_ASSIGN_OR_RETURN(Fd backends_map, Fd::DuplicateOf(pools_->map_fd()));
      KOI_ASSIGN_OR_RETURN(Fd access_log, access_logs_.AddCpu(listener.cpu, greeting.held));
      KOI_RETURN_IF_ERROR(workers_.AddCpu(listener.cpu, std::move(own_map), std::move(backends_map),
                                          std::move(access_log)));
    }
    workers_.AddListener(listener.cpu, listener.family, listener.fd);
  }
  return absl::OkStatus();
}

absl::Status RunningNode::SetUpDenied(const std::string& folder) {
  KOI_ASSIGN_OR_RETURN(DenyMap map, data_plane_->OpenDenied());
  denied_.emplace(loop_, folder, std::move(map),
                  [this](bool any) { return data_plane_->SetDeny(any); });
  // 100,000 prefixes take longer than the keeper waits, and less than an election.
  denied_->SetUp([this](const std::string& warning) {
    if (warning.empty()) return;
    LogError(warning);
    warnings_.push_back(warning);
  });
  return absl::OkStatus();
}

void RunningNode::Keep(const Desired& running) {
  access_logs_.Follow(running.config);
  // Certificates may be many, and change more rarely. They go first: one that is kept and not used
  // does no harm.
  std::string certificates;
  for (const WorkerService& service : running.services) {
    absl::StrAppend(&certificates, service.name, " ", service.certificates.digest, "\n");
  }
  if (certificates != kept_certificates_) {
    Keep(kHeldCertificates, FileOfAll(running.services));
    kept_certificates_ = std::move(certificates);
  }
  Keep(kHeldApplied, "koi-applied", EncodeSnapshot(running));
}

void RunningNode::Keep(absl::string_view name, const char* file, absl::string_view bytes) {
  Keep(name, SealBytes(file, bytes));
}

void RunningNode::Keep(absl::string_view name, const absl::StatusOr<Fd>& sealed) {
  if (sealed.ok()) return keeper_.Hold(name, sealed->get());
  LogError("cannot keep what runs for the next manager", {{"why", sealed.status().message()}});
}

void RunningNode::ChildStarted(StartedChild child) {
  absl::Status attached;
  if (child.role == ChildRole::kCarp) {
    absl::StatusOr<Fd> gates = data_plane_->GatesMap();
    attached = gates.ok() ? carp_.Attach(std::move(child.channel), CarpConfigureFrom(config()),
                                         data_plane_->xdp_program_fd(), gates->get())
                          : gates.status();
  } else {
    attached = workers_.Attach(child.cpu, child.pid, child.starts, std::move(child.channel));
  }
  if (attached.ok()) return;
  LogError("cannot brief a child", {{"pid", child.pid}, {"why", attached.message()}});
  keeper_.Order(KeeperMessageType::kKillChild, child.role, child.cpu, child.pid);
}

void RunningNode::ChildExited(ChildRole role, int cpu, pid_t pid) {
  if (role == ChildRole::kCarp) carp_.Detach();
  if (role == ChildRole::kWorker) workers_.Detach(cpu, pid);
}

void RunningNode::Reload() {
  operations_->Reload("SIGHUP", [](const absl::StatusOr<ReloadReport>& report) {
    // All else is in the log already.
    if (absl::IsAborted(report.status())) LogWarn(report.status().message());
  });
}

void RunningNode::Watch() {
  // Fails while the interface is gone: koi-carp says so and waits for it.
  (void)data_plane_->RefreshSettings(config());
  watch_timer_ = loop_.After(kWatchInterval, [this] { Watch(); });
}

void RunningNode::TakeDown() {
  endpoints_.CloseControl();
  ways_.Release();
  if (pins_.empty()) return;
  const absl::Status removed = RemovePins(pins_);
  if (!removed.ok()) LogWarn("cannot remove what was pinned", {{"why", removed.message()}});
}

void RunningNode::OnHealth(uint32_t number, BackendHealth health, const std::string& why) {
  pools_->SetHealth(number, health);
  const std::optional<BackendEntry> backend = pools_->Find(number);
  if (!backend.has_value()) return;
  const std::initializer_list<LogField> fields = {{"pool", backend->pool_name},
                                                  {"backend", backend->name},
                                                  {"address", backend->endpoint.ToString()},
                                                  {"why", why}};
  if (health == BackendHealth::kUp) {
    LogInfo("backend is up", fields);
  } else {
    LogWarn("backend is down", fields);
  }
}

void RunningNode::BackendPresent(const BackendEntry& backend, const CheckConfig& check) {
  health_.Watch(backend, check);
}

void RunningNode::BackendRemoved(const BackendEntry& backend) {
  health_.Forget(backend.number);
  if (!backend.l4) return;
  const absl::Status cleared = data_plane_->ClearForwarded(backend.number);
  if (!cleared.ok()) LogWarn("figures are too high", {{"why", cleared.message()}});
}

// Once for all changes that one turn of the loop makes: there may be ten thousand backends.
void RunningNode::BackendsChanged() {
  if (backends_changed_) return;
  backends_changed_ = true;
  backends_timer_ = loop_.After(Duration::zero(), [this] {
    backends_changed_ = false;
    ways_.SetBackends(pools_->ListAll());
    rings_->BackendsChanged();
  });
}

}  // namespace koi
