// SPDX-License-Identifier: Apache-2.0
// koi stats: every counter.
#include "base/status_macros.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"

namespace koi {
namespace {

void PrintWorkers(const Stats& stats, std::ostream& out) {
  Table table({"CPU", "STEERED", "ACCEPTED", "MISPLACED", "HANDSHAKES", "FAILED", "CONNECTIONS",
               "REQUESTS", "ERRORS", "BYTES IN", "BYTES OUT"});
  const auto add = [&table](const Cell& name, const CpuStats& cpu) {
    table.Add({name, cpu.steered, cpu.accepted, cpu.misplaced, cpu.handshakes,
               cpu.handshake_failures, cpu.connections, cpu.requests, cpu.errors, cpu.bytes_in,
               cpu.bytes_out});
  };
  for (const CpuStats& cpu : stats.cpus) add(cpu.cpu, cpu);
  add("all", stats.total);
  table.Print(out);
}

void PrintBackends(const Stats& stats, std::ostream& out) {
  Table table({"POOL", "BACKEND", "CONNECTIONS", "IN TOTAL", "REQUESTS", "ERRORS", "BYTES IN",
               "BYTES OUT"});
  for (const PoolStats& pool : stats.pools) {
    for (const BackendStats& backend : pool.backends) {
      table.Add({pool.name, backend.name, backend.connections, backend.connections_total,
                 backend.requests, backend.errors, backend.bytes_in, backend.bytes_out});
    }
  }
  table.Print(out);
}

// Verdicts that no packet has met would hide those that matter.
void PrintVerdicts(const Stats& stats, std::ostream& out) {
  Table table({"VERDICT", "ACTION", "PACKETS"});
  for (const VerdictStats& verdict : stats.verdicts) {
    if (verdict.packets > 0) table.Add({verdict.name, verdict.action, verdict.packets});
  }
  table.Print(out);
}

}  // namespace

absl::StatusOr<ExitCode> ShowStats(const Invocation& invocation) {
  const ManagerClient manager(invocation.socket);
  KOI_ASSIGN_OR_RETURN(const std::string json, manager.StatsJson());
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string text, IndentedJson(json));
    invocation.out << text;
    return kExitOk;
  }
  KOI_ASSIGN_OR_RETURN(const Stats stats, DecodeStats(json));
  PrintWorkers(stats, invocation.out);
  invocation.out << '\n';
  PrintBackends(stats, invocation.out);
  invocation.out << '\n';
  PrintVerdicts(stats, invocation.out);
  return kExitOk;
}

}  // namespace koi
