// SPDX-License-Identifier: Apache-2.0
// koi worker: list.
#include "base/status_macros.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"

namespace koi {

absl::StatusOr<ExitCode> ListWorkers(const Invocation& invocation) {
  const ManagerClient manager(invocation.socket);
  KOI_ASSIGN_OR_RETURN(const std::string json, manager.StatsJson());
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string text, JsonMember(json, "cpus"));
    invocation.out << text;
    return kExitOk;
  }
  KOI_ASSIGN_OR_RETURN(const Stats stats, DecodeStats(json));
  Table table({"CPU", "PID", "STATE", "STARTS", "CONNECTIONS", "STEERED", "ACCEPTED", "MISPLACED",
               "HANDSHAKES", "FAILED", "REQUESTS"});
  for (const CpuStats& cpu : stats.cpus) {
    table.Add({cpu.cpu, cpu.pid, cpu.state, cpu.starts, cpu.connections, cpu.steered, cpu.accepted,
               cpu.misplaced, cpu.handshakes, cpu.handshake_failures, cpu.requests});
  }
  table.Print(invocation.out);
  return kExitOk;
}

}  // namespace koi
