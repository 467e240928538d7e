// SPDX-License-Identifier: Apache-2.0
// Reading and writing koi_gates.
#include "dataplane/gate_map.h"

#include <koi/abi/gate.h>

#include "absl/strings/str_cat.h"
#include "dataplane/map_calls.h"

namespace koi {

absl::Status GateMap::OpenUntil(uint32_t group, TimePoint until) {
  const koi_gate gate = {.master_until_ns = ToNanoseconds(until)};
  return map_calls::Set(map_fd_.get(), group, gate,
                        absl::StrCat("cannot open the gate of group ", group));
}

absl::Status GateMap::Close(uint32_t group) {
  const koi_gate closed = {};
  return map_calls::Set(map_fd_.get(), group, closed,
                        absl::StrCat("cannot close the gate of group ", group));
}

absl::StatusOr<TimePoint> GateMap::Read(uint32_t group) const {
  KOI_ASSIGN_OR_RETURN(
      const koi_gate gate,
      map_calls::Get<koi_gate>(map_fd_.get(), group,
                               absl::StrCat("cannot read the gate of group ", group)));
  return FromNanoseconds(gate.master_until_ns);
}

}  // namespace koi
