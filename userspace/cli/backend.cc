// SPDX-License-Identifier: Apache-2.0
// koi backend: list, add, undrain, weight, remove.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "cli/backend_reply.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"

namespace koi {
namespace {

absl::Status CheckPoolExists(const Stats& stats, const std::string& name) {
  std::vector<std::string> names;
  for (const PoolStats& pool : stats.pools) {
    if (pool.name == name) return absl::OkStatus();
    names.push_back(pool.name);
  }
  const std::string nearest = Nearest(name, names);
  return absl::NotFoundError(
      absl::StrCat("there is no pool \"", name, "\"",
                   nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?")));
}

// "3", or "3 of 10" where it has a limit.
Cell InUse(const BackendStats& backend) {
  Cell cell(backend.connections);
  if (backend.max_connections > 0) absl::StrAppend(&cell.text, " of ", backend.max_connections);
  return cell;
}

}  // namespace

absl::StatusOr<ExitCode> ListBackends(const Invocation& invocation) {
  const ManagerClient manager(invocation.socket);
  const std::string pool_name = invocation.arguments.empty() ? "" : invocation.arguments[0];
  KOI_ASSIGN_OR_RETURN(const std::string json, manager.StatsJson());
  KOI_ASSIGN_OR_RETURN(const Stats stats, DecodeStats(json));
  if (!pool_name.empty()) KOI_RETURN_IF_ERROR(CheckPoolExists(stats, pool_name));
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string text, JsonMember(json, "pools", pool_name));
    invocation.out << text;
    return kExitOk;
  }
  Table table({"POOL", "BACKEND", "ADDRESS", "ADMIN", "HEALTH", "WEIGHT", "CONNECTIONS", "REQUESTS",
               "ERRORS", "FROM", "WHY"});
  Table l4_table({"L4 POOL", "BACKEND", "ADDRESS", "ADMIN", "HEALTH", "WEIGHT", "PACKETS", "BYTES",
                  "NEW FLOWS", "ENTRIES", "FROM", "WHY"});
  bool any = false;
  bool any_l4 = false;
  for (const PoolStats& pool : stats.pools) {
    if (!pool_name.empty() && pool.name != pool_name) continue;
    (pool.forward.empty() ? any : any_l4) = true;
    for (const BackendStats& backend : pool.backends) {
      if (pool.forward.empty()) {
        table.Add({pool.name, backend.name, backend.address, backend.admin, backend.health,
                   backend.weight, InUse(backend), backend.requests, backend.errors, backend.origin,
                   backend.why});
      } else {
        l4_table.Add({pool.name, backend.name, backend.address, backend.admin, backend.health,
                      backend.weight, backend.packets, backend.bytes_out, backend.new_flows,
                      backend.flow_entries, backend.origin, backend.why});
      }
    }
  }
  if (any || !any_l4) table.Print(invocation.out);
  if (any && any_l4) invocation.out << '\n';
  if (any_l4) l4_table.Print(invocation.out);
  return kExitOk;
}

absl::StatusOr<ExitCode> AddBackend(const Invocation& invocation) {
  BackendAdd backend = {.pool = invocation.arguments[0],
                        .name = invocation.arguments[1],
                        .address = invocation.arguments[2],
                        .reason = ReasonOf(invocation)};
  const auto weight = invocation.options.find("--weight");
  if (weight != invocation.options.end() && !absl::SimpleAtoi(weight->second, &backend.weight)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--weight \"", weight->second, "\" is not a number"));
  }
  KOI_ASSIGN_OR_RETURN(const BackendChange change,
                       ManagerClient(invocation.socket).AddBackend(backend));
  return ReportChange(
      invocation, change,
      absl::StrCat("added to pool ", change.pool, " at ", change.backend.address, ", weight ",
                   change.backend.weight, ", health ", change.backend.health));
}

absl::StatusOr<ExitCode> WeightBackend(const Invocation& invocation) {
  BackendWeight backend = {.pool = invocation.arguments[0],
                           .name = invocation.arguments[1],
                           .reason = ReasonOf(invocation)};
  if (!absl::SimpleAtoi(invocation.arguments[2], &backend.weight)) {
    return absl::InvalidArgumentError(
        absl::StrCat("weight \"", invocation.arguments[2], "\" is not a number"));
  }
  KOI_ASSIGN_OR_RETURN(const BackendChange change,
                       ManagerClient(invocation.socket).WeightBackend(backend));
  return ReportChange(invocation, change, absl::StrCat("weight ", change.backend.weight));
}

absl::StatusOr<ExitCode> UndrainBackend(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const BackendChange change,
                       ManagerClient(invocation.socket).UndrainBackend(BackendNamed(invocation)));
  return ReportChange(invocation, change, absl::StrCat("enabled, health ", change.backend.health));
}

absl::StatusOr<ExitCode> RemoveBackend(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const BackendChange change,
                       ManagerClient(invocation.socket).RemoveBackend(BackendNamed(invocation)));
  return ReportChange(
      invocation, change,
      absl::StrCat("removed from pool ", change.pool, ", ", OpenConnections(change.backend)));
}

}  // namespace koi
