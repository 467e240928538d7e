// SPDX-License-Identifier: Apache-2.0
// koi worker: list, replace.
#include <poll.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/time.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"
#include "config/value.h"

namespace koi {
namespace {

constexpr Duration kDefaultLimit = std::chrono::seconds(30);
constexpr Duration kLongestLimit = std::chrono::milliseconds(kMaxDrainLimitMs);
// For the new worker's start, and for the old one's end beyond its limit.
constexpr Duration kMargin = std::chrono::seconds(15);
constexpr int kPauseMs = 50;

absl::StatusOr<CpuStats> StatsOf(const ManagerClient& manager, int cpu) {
  KOI_ASSIGN_OR_RETURN(const Stats stats, manager.CollectStats());
  for (const CpuStats& candidate : stats.cpus) {
    if (candidate.cpu == cpu) return candidate;
  }
  return absl::NotFoundError(absl::StrCat("there is no CPU ", cpu));
}

// Begins, waits for the end, says what became of it.
absl::Status ReplaceOne(const Invocation& invocation, int cpu, Duration limit) {
  const ManagerClient manager(invocation.socket);
  KOI_ASSIGN_OR_RETURN(const CpuStats before,
                       manager.ReplaceWorker({.cpu = cpu, .limit_ms = ToMilliseconds(limit)}));
  const TimePoint begun = Now();
  for (;;) {
    // A manager that restarts meanwhile goes on with it: it is asked again.
    const absl::StatusOr<CpuStats> now = StatsOf(manager, cpu);
    if (!now.ok() && !absl::IsUnavailable(now.status())) return now.status();
    if (now.ok() && !now->replace_failure.empty()) {
      return absl::InternalError(
          absl::StrCat("CPU ", cpu, ": process ", now->pid, " stays: ", now->replace_failure));
    }
    if (now.ok() && now->pid != before.pid && now->state == "serving" && now->leaving.empty()) {
      if (invocation.json) {
        invocation.out << EncodeJson(*now) << '\n';
        return absl::OkStatus();
      }
      invocation.out << "CPU " << cpu << ": process " << now->pid << " in place of " << before.pid
                     << ", " << now->cut - before.cut << " connections cut, "
                     << FormatDuration(Now() - begun) << '\n';
      return absl::OkStatus();
    }
    if (Now() - begun > limit + kMargin) {
      return absl::DeadlineExceededError(
          absl::StrCat("CPU ", cpu, ": not replaced in ", FormatDuration(limit + kMargin)));
    }
    ::poll(nullptr, 0, kPauseMs);
  }
}

absl::StatusOr<Duration> LimitOf(const Invocation& invocation) {
  const auto option = invocation.options.find("--limit");
  if (option == invocation.options.end()) return kDefaultLimit;
  const absl::StatusOr<Duration> limit = ParseDuration(option->second);
  if (!limit.ok() || *limit < Duration::zero() || *limit > kLongestLimit) {
    return absl::InvalidArgumentError(
        absl::StrCat("--limit \"", option->second, "\" is no duration like \"30s\", at most 24h"));
  }
  return limit;
}

}  // namespace

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
               "HANDSHAKES", "FAILED", "REQUESTS", "CUT"});
  for (const CpuStats& cpu : stats.cpus) {
    table.Add({cpu.cpu, cpu.pid, cpu.state, cpu.starts, cpu.connections, cpu.steered, cpu.accepted,
               cpu.misplaced, cpu.handshakes, cpu.handshake_failures, cpu.requests, cpu.cut});
    // Its figures are in the row above, which is of the CPU.
    for (const LeavingStats& leaving : cpu.leaving) {
      const Cell none = Cell::NoNumber();
      table.Add({cpu.cpu, leaving.pid, "draining", none, leaving.connections, none, none, none,
                 none, none, none, none});
    }
  }
  table.Print(invocation.out);
  return kExitOk;
}

absl::StatusOr<ExitCode> ReplaceWorkers(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const Duration limit, LimitOf(invocation));
  std::vector<int> cpus;
  if (invocation.arguments.empty()) {
    KOI_ASSIGN_OR_RETURN(const Stats stats, ManagerClient(invocation.socket).CollectStats());
    for (const CpuStats& cpu : stats.cpus) cpus.push_back(cpu.cpu);
  } else if (int cpu = 0; absl::SimpleAtoi(invocation.arguments[0], &cpu)) {
    cpus.push_back(cpu);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", invocation.arguments[0], "\" is not the number of a CPU"));
  }
  for (const int cpu : cpus) KOI_RETURN_IF_ERROR(ReplaceOne(invocation, cpu, limit));
  return kExitOk;
}

}  // namespace koi
