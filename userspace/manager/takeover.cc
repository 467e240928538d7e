// SPDX-License-Identifier: Apache-2.0
// Checks first, then locks, then removal.
#include "manager/takeover.h"

#include <net/if.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "dataplane/bpffs.h"
#include "leftovers/leftovers.h"
#include "leftovers/vips.h"
#include "net/socket.h"

namespace koi {
namespace {

// Removes `items`: one line for each kind, and one for each that stays.
void RemoveAndSay(const std::vector<Leftover>& items) {
  struct Removed {
    size_t count = 0;
    std::string first;
  };
  std::map<LeftoverKind, Removed> removed;
  for (const Leftover& item : items) {
    const absl::Status status = item.remove();
    if (!status.ok()) {
      LogError("what an earlier koi left stays",
               {{"kind", LeftoverKindName(item.kind)}, {"why", status.message()}});
      continue;
    }
    Removed& so_far = removed[item.kind];
    if (so_far.count++ == 0) so_far.first = item.name;
  }
  for (const auto& [kind, what] : removed) {
    LogWarn("removed what an earlier koi left",
            {{"kind", LeftoverKindName(kind)}, {"count", what.count}, {"first", what.first}});
  }
}

// Whether `interface` exists. One that vanishes later is waited for; one that is not there at the
// start is probably another's name.
absl::Status CheckInterface(const std::string& interface) {
  if (::if_nametoindex(interface.c_str()) != 0) return absl::OkStatus();
  std::vector<std::string> names;
  struct if_nameindex* const all = ::if_nameindex();
  for (const auto* each = all; each != nullptr && each->if_index != 0; ++each) {
    names.emplace_back(each->if_name);
  }
  ::if_freenameindex(all);
  return absl::NotFoundError(absl::StrCat(
      "interface \"", interface, "\" does not exist; there are: ", absl::StrJoin(names, ", ")));
}

}  // namespace

absl::StatusOr<Fd> TakeOverHost(const NodeConfig& node, const std::vector<VipConfig>& vips) {
  KOI_RETURN_IF_ERROR(CheckInterface(node.interface));
  KOI_RETURN_IF_ERROR(CheckVipsAreFree(vips));
  const std::string socket = absl::StrCat(node.run, "/koi.sock");
  if (UnixSocketAnswers(socket)) {
    return absl::AlreadyExistsError(absl::StrCat("another process answers on ", socket));
  }
  KOI_RETURN_IF_ERROR(PrepareBpffs(node.bpffs));
  KOI_ASSIGN_OR_RETURN(Fd pins_lock, LockPins(node.bpffs));
  const FoundLeftovers found =
      FindLeftovers({.interface = node.interface, .bpffs = node.bpffs, .run = node.run});
  for (const std::string& unclear : found.unclear) {
    LogWarn("cannot tell what an earlier koi left", {{"why", unclear}});
  }
  RemoveAndSay(found.items);
  return pins_lock;
}

}  // namespace koi
