// SPDX-License-Identifier: Apache-2.0
// Map koi_gates: until when this host is master of each group.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "base/time.h"

namespace koi {

class GateMap {
 public:
  explicit GateMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  // Open until `until`; packets are steered from now on.
  absl::Status OpenUntil(uint32_t group, TimePoint until);
  absl::Status Close(uint32_t group);
  absl::StatusOr<TimePoint> Read(uint32_t group) const;

 private:
  Fd map_fd_;
};

}  // namespace koi
