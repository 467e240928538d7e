// SPDX-License-Identifier: Apache-2.0
// The lock of the network namespace, and those who should have gone with their keeper.
#include "keeper/one_koi.h"

#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/time.h"
#include "net/namespace_processes.h"
#include "protocol/keeper_messages.h"

namespace koi {
namespace {

constexpr Duration kOrphanLimit = std::chrono::seconds(2);

}  // namespace

absl::StatusOr<NamespaceLock> LockNode() {
  absl::StatusOr<NamespaceLock> lock = NamespaceLock::Take(kNodeLockName);
  if (!absl::IsAlreadyExists(lock.status())) return lock;
  return absl::AlreadyExistsError(
      absl::StrCat("another koi runs in this network namespace: ", lock.status().message()));
}

void EndOrphans() {
  const std::vector<NamespaceProcess> orphans =
      OrphansOfNamespace({std::begin(kChildPrograms), std::end(kChildPrograms)}, kKeeperProgram);
  if (orphans.empty()) return;
  std::string which;
  for (const NamespaceProcess& orphan : orphans) {
    absl::StrAppend(&which, which.empty() ? "" : ", ", orphan.name, " ", orphan.pid);
    const absl::Status ended = EndProcess(orphan, kOrphanLimit);
    if (!ended.ok()) LogError("an earlier koi's process stays", {{"why", ended.message()}});
  }
  LogWarn("killed what an earlier koi left running",
          {{"processes", orphans.size()}, {"which", which}});
}

}  // namespace koi
