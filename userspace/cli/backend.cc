// SPDX-License-Identifier: Apache-2.0
// koi backend: list, add, drain, undrain, remove.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
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

std::string Reason(const Invocation& invocation) {
  const auto reason = invocation.options.find("--reason");
  return reason == invocation.options.end() ? "" : reason->second;
}

BackendName Named(const Invocation& invocation) {
  return {.pool = invocation.arguments[0],
          .name = invocation.arguments[1],
          .reason = Reason(invocation)};
}

// Says what was done. Each change is of this host alone: the peer host is not told.
ExitCode Report(const Invocation& invocation, const BackendChange& change, absl::string_view what) {
  if (invocation.json) {
    invocation.out << EncodeJson(change) << '\n';
  } else {
    invocation.out << change.backend.name << ": " << what << '\n';
  }
  invocation.talk << "This change was made on this host only.\n";
  return kExitOk;
}

// "3", or "3 of 10" where it has a limit.
Cell InUse(const BackendStats& backend) {
  Cell cell(backend.connections);
  if (backend.max_connections > 0) absl::StrAppend(&cell.text, " of ", backend.max_connections);
  return cell;
}

std::string OpenConnections(const BackendStats& backend) {
  return absl::StrCat(backend.connections,
                      backend.connections == 1 ? " connection" : " connections", " open");
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
  for (const PoolStats& pool : stats.pools) {
    if (!pool_name.empty() && pool.name != pool_name) continue;
    for (const BackendStats& backend : pool.backends) {
      table.Add({pool.name, backend.name, backend.address, backend.admin, backend.health,
                 backend.weight, InUse(backend), backend.requests, backend.errors, backend.origin,
                 backend.why});
    }
  }
  table.Print(invocation.out);
  return kExitOk;
}

absl::StatusOr<ExitCode> AddBackend(const Invocation& invocation) {
  BackendAdd backend = {.pool = invocation.arguments[0],
                        .name = invocation.arguments[1],
                        .address = invocation.arguments[2],
                        .reason = Reason(invocation)};
  const auto weight = invocation.options.find("--weight");
  if (weight != invocation.options.end() && !absl::SimpleAtoi(weight->second, &backend.weight)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--weight \"", weight->second, "\" is not a number"));
  }
  KOI_ASSIGN_OR_RETURN(const BackendChange change,
                       ManagerClient(invocation.socket).AddBackend(backend));
  return Report(
      invocation, change,
      absl::StrCat("added to pool ", change.pool, " at ", change.backend.address, ", weight ",
                   change.backend.weight, ", health ", change.backend.health));
}

absl::StatusOr<ExitCode> DrainBackend(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const BackendChange change,
                       ManagerClient(invocation.socket).DrainBackend(Named(invocation)));
  return Report(invocation, change, absl::StrCat("draining, ", OpenConnections(change.backend)));
}

absl::StatusOr<ExitCode> UndrainBackend(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const BackendChange change,
                       ManagerClient(invocation.socket).UndrainBackend(Named(invocation)));
  return Report(invocation, change, absl::StrCat("enabled, health ", change.backend.health));
}

absl::StatusOr<ExitCode> RemoveBackend(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const BackendChange change,
                       ManagerClient(invocation.socket).RemoveBackend(Named(invocation)));
  return Report(
      invocation, change,
      absl::StrCat("removed from pool ", change.pool, ", ", OpenConnections(change.backend)));
}

}  // namespace koi
