// SPDX-License-Identifier: Apache-2.0
// Reading maps and parts into Stats. A map that cannot be read shows as zeros and as a warning: the
// answer is for a person who is looking for what is wrong.
#include "manager/stats_collector.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "base/time.h"
#include "base/version.h"
#include "manager/certificate_warnings.h"
#include "manager/figures.h"
#include "net/netlink.h"

namespace koi {
namespace {

// A host that has sent no wrong advert for so long was set right, or is gone.
constexpr Duration kMismatchRemembered = std::chrono::minutes(1);

const char* StateName(WorkerState state) {
  switch (state) {
    case WorkerState::kGone: return "gone";
    case WorkerState::kStarting: return "starting";
    case WorkerState::kServing: return "serving";
    case WorkerState::kDraining: return "draining";
    case WorkerState::kFailed: return "failed";
  }
  return "gone";
}

std::vector<InterfaceAddress> AddressesOf(const std::string& interface) {
  absl::StatusOr<Netlink> netlink = Netlink::Open();
  if (!netlink.ok()) return {};
  const absl::StatusOr<Interface> found = netlink->FindInterface(interface);
  if (!found.ok()) return {};
  absl::StatusOr<std::vector<InterfaceAddress>> addresses = netlink->Addresses(found->index);
  return addresses.ok() ? *std::move(addresses) : std::vector<InterfaceAddress>{};
}

// Who changed it last, if the CLI did.
void NoteChange(const State& state, const BackendEntry& backend, BackendStats& stats) {
  const auto note = [&](const auto& change) {
    if (change.pool != backend.pool_name || change.name != backend.name) return;
    stats.by = change.note.by;
    stats.at = change.note.at;
    stats.reason = change.note.why;
  };
  for (const AddedBackend& added : state.added) note(added);
  for (const WeightedBackend& weighted : state.weighted) note(weighted);
  for (const NotedBackend& draining : state.draining) note(draining);
}

}  // namespace

Stats StatsCollector::Collect() const {
  Stats stats;
  stats.node = sources_.desired.config.node.name;
  stats.version = kVersion;
  stats.uptime_ms = ToMilliseconds(Now() - sources_.started);
  stats.interface = sources_.desired.config.node.interface;
  stats.carp = sources_.carp.report().groups;
  stats.xdp = sources_.carp.report().xdp;
  if (stats.xdp.mode.empty()) stats.xdp = {false, "off", "koi-carp has not reported yet"};
  CollectRole(stats);
  CollectCpus(stats);
  CollectPools(stats);
  CollectServices(stats);
  CollectVips(stats);
  CollectVerdicts(stats);
  CollectFlowTable(stats);
  CollectCertificates(stats);
  stats.access_log = {.written = sources_.access_logs.written(),
                      .dropped = sources_.access_logs.dropped()};
  CollectWarnings(stats);
  return stats;
}

void StatsCollector::CollectRole(Stats& stats) const {
  const CarpGroupReport* telling = nullptr;  // the group with the highest role
  for (const CarpGroupReport& group : stats.carp) {
    if (telling == nullptr || group.role > telling->role) telling = &group;
  }
  stats.role = std::string(CarpRoleName(telling == nullptr ? CarpRole::kInit : telling->role));
  stats.since_ms_ago = telling == nullptr ? stats.uptime_ms : telling->since_ms_ago;
  stats.since = absl::FormatTime(
      absl::RFC3339_sec, absl::Now() - absl::Milliseconds(stats.since_ms_ago), absl::UTCTimeZone());
}

void StatsCollector::CollectCpus(Stats& stats) const {
  stats.total.cpu = -1;
  stats.total.state = "sum";
  for (const WorkerFleet::Cpu* source : sources_.workers.List()) {
    const WorkerFigures figures = source->figures.Total();
    const WorkerFleet::Worker& worker = source->in_place;
    CpuStats cpu;
    cpu.cpu = source->number;
    cpu.pid = worker.pid;
    cpu.state = StateName(worker.state);
    cpu.starts = static_cast<uint64_t>(worker.starts);
    cpu.replacing = source->follower.has_value() || source->replacing;
    cpu.replace_failure = source->replace_failure;
    cpu.services_current = worker.pid != 0 && worker.revision == sources_.workers.revision();
    cpu.services_refusal = worker.refusal;
    if (source->leaver.has_value()) {
      const Duration left = std::max(source->leaver->drain_end - Now(), Duration::zero());
      cpu.leaving.push_back({.pid = source->leaver->pid,
                             .connections = source->figures.Seat(source->leaver->seat).connections,
                             .ends_in_ms = ToMilliseconds(left)});
    }
    Tell(figures, cpu);
    const absl::StatusOr<SteeredFigures> steered = sources_.data_plane.SteeredTo(source->number);
    if (steered.ok()) {
      cpu.steered = steered->connections;
      cpu.steered_packets = steered->packets;
    } else {
      stats.warnings.push_back(std::string(steered.status().message()));
    }
    AddTo(stats.total, cpu);
    stats.cpus.push_back(std::move(cpu));
  }
}

// What `one(view)` has of each CPU.
template <typename One>
WorkerFigures StatsCollector::Sum(One one) const {
  WorkerFigures sum;
  for (const WorkerFleet::Cpu* cpu : sources_.workers.List()) sum += one(cpu->figures);
  return sum;
}

BackendStats StatsCollector::CollectBackend(const BackendEntry& backend) const {
  BackendStats stats;
  stats.name = backend.name;
  stats.address = backend.endpoint.ToString();
  stats.admin = AdminName(backend.admin);
  stats.health = HealthName(backend.health);
  stats.why = sources_.health.Why(backend.number);
  stats.origin = backend.origin == BackendOrigin::kFile ? "file" : "cli";
  stats.weight = backend.weight;
  NoteChange(sources_.desired.state, backend, stats);
  stats.max_connections = backend.connections_max;
  if (backend.l4) {
    const ForwardedFigures sent =
        sources_.data_plane.ForwardedTo(backend.number).value_or(ForwardedFigures());
    stats.packets = sent.packets;
    stats.bytes_out = sent.bytes;
    stats.new_flows = sent.new_flows;
    stats.flow_entries = sources_.rings.Entries(backend.number);
    return stats;
  }
  Tell(Sum([&](const WorkerView& view) {
         return view.Backend(backend.number, backend.incarnation);
       }),
       stats);
  return stats;
}

void StatsCollector::CollectPools(Stats& stats) const {
  const std::vector<BackendEntry> entries = sources_.pools.List();
  for (const PoolConfig& configured : sources_.desired.config.pools) {
    PoolStats pool;
    pool.name = configured.name;
    if (configured.is_l4()) {
      const RingFigures ring = sources_.rings.Figures(configured.number);
      pool.forward = ForwardName(configured.l4.forward);
      pool.slots = ring.slots;
      pool.slots_moved = ring.moved;
    } else {
      pool.balance = BalanceName(configured.balance);
    }
    Tell(Sum([&](const WorkerView& view) { return view.Pool(configured.number, configured.name); }),
         pool);
    for (const BackendEntry& backend : entries) {
      if (backend.pool == configured.number) pool.backends.push_back(CollectBackend(backend));
    }
    stats.pools.push_back(std::move(pool));
  }
}

void StatsCollector::CollectServices(Stats& stats) const {
  for (const ServiceConfig& configured : sources_.desired.config.services) {
    ServiceStats service;
    service.name = configured.name;
    Tell(Sum([&](const WorkerView& view) {
           return view.Service(configured.number, configured.name);
         }),
         service);
    service.mode = ServiceModeName(configured.mode);
    service.tls = TlsModeName(configured.tls);
    if (!configured.is_l4() || configured.protocols.tcp) service.protocols.push_back("tcp");
    if (configured.is_l4() && configured.protocols.udp) service.protocols.push_back("udp");
    for (const Endpoint& endpoint : configured.listen)
      service.listen.push_back(ListenText(endpoint));
    if (configured.pool.has_value()) {
      const PoolStats& pool = stats.pools[*configured.pool];
      service.pool = pool.name;
      service.backends = pool.backends.size();
      service.backends_up = static_cast<uint64_t>(std::count_if(
          pool.backends.begin(), pool.backends.end(), [](const BackendStats& backend) {
            return backend.admin == "enabled" && backend.health == "up";
          }));
    }
    stats.services.push_back(std::move(service));
  }
}

void StatsCollector::CollectVips(Stats& stats) const {
  const std::vector<InterfaceAddress> present = AddressesOf(sources_.desired.config.node.interface);
  for (const VipConfig& configured : sources_.desired.config.vips) {
    const CarpConfig& carp = sources_.desired.config.carp[configured.group];
    VipStats vip;
    vip.address = configured.address.ToString();
    vip.vhid = carp.vhid;
    vip.role = std::string(CarpRoleName(CarpRole::kInit));
    for (const CarpGroupReport& group : stats.carp) {
      if (group.vhid == carp.vhid) vip.role = std::string(CarpRoleName(group.role));
    }
    vip.present = std::any_of(present.begin(), present.end(), [&](const InterfaceAddress& address) {
      return address.address == configured.address;
    });
    const absl::StatusOr<VipTraffic> traffic = sources_.data_plane.TrafficOf(configured.number);
    if (traffic.ok()) {
      vip.packets = traffic->packets;
      vip.bytes = traffic->bytes;
      vip.new_flows = traffic->new_flows;
    } else {
      stats.warnings.push_back(std::string(traffic.status().message()));
    }
    stats.vips.push_back(std::move(vip));
  }
}

void StatsCollector::CollectVerdicts(Stats& stats) const {
  const absl::StatusOr<std::vector<VerdictFigures>> verdicts = sources_.data_plane.Verdicts();
  if (!verdicts.ok()) {
    stats.warnings.push_back(std::string(verdicts.status().message()));
    return;
  }
  for (const VerdictFigures& verdict : *verdicts) {
    stats.verdicts.push_back({verdict.name, verdict.action, verdict.packets});
  }
}

void StatsCollector::CollectFlowTable(Stats& stats) const {
  const FlowFigures flows = sources_.rings.Flows();
  stats.flow_table = {.entries = flows.entries,
                      .room = sources_.desired.config.xdp.flows,
                      .refused = flows.refused};
}

void StatsCollector::CollectCertificates(Stats& stats) const {
  stats.certificates = sources_.certificates.Expiries();
  const int64_t now_s = absl::ToUnixSeconds(absl::Now());
  for (std::string& warning : CertificateWarnings(stats.certificates, now_s)) {
    stats.warnings.push_back(std::move(warning));
  }
}

void StatsCollector::CollectWarnings(Stats& stats) const {
  stats.warnings.insert(stats.warnings.end(), sources_.warnings.begin(), sources_.warnings.end());
  if (!sources_.carp.running()) stats.warnings.push_back("koi-carp is not running");
  for (const CpuStats& cpu : stats.cpus) {
    if (cpu.state != "serving")
      stats.warnings.push_back(absl::StrCat("the worker of CPU ", cpu.cpu, " is ", cpu.state));
    if (!cpu.services_refusal.empty()) {
      stats.warnings.push_back(absl::StrCat("the worker of CPU ", cpu.cpu,
                                            " has not taken its services: ", cpu.services_refusal));
    }
  }
  for (const ServiceStats& service : stats.services) {
    if (!service.pool.empty() && service.backends_up == 0) {
      stats.warnings.push_back(
          absl::StrCat("service ", service.name, " has no backend that is up and enabled"));
    }
  }
  for (const VipStats& vip : stats.vips) {
    if (vip.role == "master" && !vip.present) {
      stats.warnings.push_back(
          absl::StrCat("master, but VIP ", vip.address, " is not on ", stats.interface));
    }
  }
  for (const CarpGroupReport& group : stats.carp) {
    for (const CarpMismatch& mismatch : group.mismatches) {
      const Duration ago = std::chrono::milliseconds(mismatch.heard_ms_ago);
      if (ago > kMismatchRemembered) continue;
      stats.warnings.push_back(absl::StrCat(
          "auth mismatch: ", mismatch.source, " has another password or other VIPs for vhid ",
          group.vhid, " (", mismatch.adverts, " adverts, the last ", FormatDuration(ago), " ago)"));
    }
  }
}

}  // namespace koi
