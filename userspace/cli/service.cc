// SPDX-License-Identifier: Apache-2.0
// koi service: list.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"

namespace koi {

absl::StatusOr<ExitCode> ListServices(const Invocation& invocation) {
  const ManagerClient manager(invocation.socket);
  KOI_ASSIGN_OR_RETURN(const std::string json, manager.StatsJson());
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string text, JsonMember(json, "services"));
    invocation.out << text;
    return kExitOk;
  }
  KOI_ASSIGN_OR_RETURN(const Stats stats, DecodeStats(json));
  Table table(
      {"SERVICE", "MODE", "TLS", "LISTEN", "POOL", "BACKENDS UP", "CONNECTIONS", "REQUESTS"});
  for (const ServiceStats& service : stats.services) {
    const bool redirects = service.pool.empty();
    table.Add(
        {service.name, service.mode, service.tls, absl::StrJoin(service.listen, ","),
         redirects ? "(redirects)" : service.pool,
         redirects ? std::string() : absl::StrCat(service.backends_up, " of ", service.backends),
         service.connections, service.requests});
  }
  table.Print(invocation.out);
  return kExitOk;
}

}  // namespace koi
