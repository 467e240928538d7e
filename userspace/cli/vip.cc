// SPDX-License-Identifier: Apache-2.0
// koi vip: list.
#include "base/status_macros.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"

namespace koi {

absl::StatusOr<ExitCode> ListVips(const Invocation& invocation) {
  const ManagerClient manager(invocation.socket);
  KOI_ASSIGN_OR_RETURN(const std::string json, manager.StatsJson());
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string text, JsonMember(json, "vips"));
    invocation.out << text;
    return kExitOk;
  }
  KOI_ASSIGN_OR_RETURN(const Stats stats, DecodeStats(json));
  Table table({"VIP", "GROUP", "ROLE", "HERE", "PACKETS", "BYTES", "NEW FLOWS"});
  for (const VipStats& vip : stats.vips) {
    table.Add({vip.address, int{vip.vhid}, vip.role, vip.present ? "yes" : "no", vip.packets,
               vip.bytes, vip.new_flows});
  }
  table.Print(invocation.out);
  return kExitOk;
}

}  // namespace koi
