// SPDX-License-Identifier: Apache-2.0
// koi status: what somebody asks first, on one screen.
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/time.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"

namespace koi {
namespace {

std::string Ago(int64_t ms) { return FormatDuration(std::chrono::milliseconds(ms)); }

void PrintHost(const Stats& stats, std::ostream& out) {
  out << "node  " << stats.node << ", koi " << stats.version << ", up " << Ago(stats.uptime_ms)
      << '\n';
  out << "role  " << stats.role << " for " << Ago(stats.since_ms_ago);
  if (!stats.since.empty()) out << ", since " << stats.since;
  out << '\n';
  out << "xdp   " << (stats.xdp.attached ? stats.xdp.mode : "off") << " on " << stats.interface;
  if (!stats.xdp.why.empty()) out << ": " << stats.xdp.why;
  out << '\n';
}

void PrintVips(const Stats& stats, std::ostream& out) {
  if (stats.vips.empty()) return;
  Table table({"VIP", "GROUP", "ROLE", "HERE"});
  for (const VipStats& vip : stats.vips) {
    table.Add({vip.address, int{vip.vhid}, vip.role, vip.present ? "yes" : "no"});
  }
  out << '\n';
  table.Print(out);
}

void PrintServices(const Stats& stats, std::ostream& out) {
  if (stats.services.empty()) return;
  Table table({"SERVICE", "MODE", "TLS", "LISTEN", "POOL", "BACKENDS UP"});
  for (const ServiceStats& service : stats.services) {
    table.Add({service.name, service.mode, service.tls, absl::StrJoin(service.listen, ","),
               service.pool.empty() ? "(redirects)" : service.pool,
               service.pool.empty() ? std::string()
                                    : absl::StrCat(service.backends_up, " of ", service.backends)});
  }
  out << '\n';
  table.Print(out);
}

void PrintCpus(const Stats& stats, std::ostream& out) {
  if (stats.cpus.empty()) return;
  Table table({"CPU", "WORKER", "CONNECTIONS", "ACCEPTED", "MISPLACED"});
  for (const CpuStats& cpu : stats.cpus) {
    table.Add({cpu.cpu, cpu.state, cpu.connections, cpu.accepted, cpu.misplaced});
  }
  out << '\n';
  table.Print(out);
}

std::string Peers(const CarpGroupReport& group) {
  return absl::StrJoin(group.peers, ", ", [](std::string* out, const CarpPeer& peer) {
    absl::StrAppend(out, peer.source, " (advskew ", int{peer.advskew}, ", heard ",
                    Ago(peer.heard_ms_ago), " ago)");
  });
}

void PrintGroups(const Stats& stats, std::ostream& out) {
  if (stats.carp.empty()) return;
  Table table({"GROUP", "ROLE", "FOR", "PEERS", "REASON"});
  for (const CarpGroupReport& group : stats.carp) {
    table.Add({int{group.vhid}, CarpRoleName(group.role), Ago(group.since_ms_ago), Peers(group),
               group.reason});
  }
  out << '\n';
  table.Print(out);
}

}  // namespace

absl::StatusOr<ExitCode> ShowStatus(const Invocation& invocation) {
  const ManagerClient manager(invocation.socket);
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string json, manager.StatsJson());
    KOI_ASSIGN_OR_RETURN(const std::string text, IndentedJson(json));
    invocation.out << text;
    return kExitOk;
  }
  KOI_ASSIGN_OR_RETURN(const Stats stats, manager.CollectStats());
  PrintHost(stats, invocation.out);
  PrintVips(stats, invocation.out);
  PrintServices(stats, invocation.out);
  PrintCpus(stats, invocation.out);
  PrintGroups(stats, invocation.out);
  if (!stats.warnings.empty()) invocation.out << '\n';
  for (const std::string& warning : stats.warnings)
    invocation.out << "warning: " << warning << '\n';
  return kExitOk;
}

}  // namespace koi
