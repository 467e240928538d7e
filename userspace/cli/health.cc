// SPDX-License-Identifier: Apache-2.0
// koi health: for those who ask every few seconds and act on the exit code.
#include "base/status_macros.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"

namespace koi {

absl::StatusOr<ExitCode> ShowHealth(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const Health health, ManagerClient(invocation.socket).AskHealth());
  if (invocation.json) {
    invocation.out << HealthJson(health.well, health.why);
  } else {
    invocation.out << health.why << '\n';
  }
  return health.well ? kExitOk : kExitFailure;
}

}  // namespace koi
