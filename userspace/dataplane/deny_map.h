// SPDX-License-Identifier: Apache-2.0
// Maps koi_deny4 and koi_deny6: clients that get nothing from any VIP. They are asked only while
// koi_settings says so: SettingsMap::SetDeny().
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/fd.h"
#include "config/deny_list.h"

namespace koi {

// May be used from another thread than the one that made it, by one at a time.
class DenyMap {
 public:
  DenyMap(Fd deny4, Fd deny6) : deny4_(std::move(deny4)), deny6_(std::move(deny6)) {}

  // How many prefixes of each family there is room for.
  static size_t room();

  // Adds each, or changes its time. At the first that fails, those before it are in.
  absl::Status Add(absl::Span<const DenyEntry> entries);
  // Absent is fine.
  absl::Status Remove(absl::Span<const DenyEntry> entries);
  // In no order.
  absl::StatusOr<std::vector<DenyEntry>> List() const;

 private:
  Fd deny4_;
  Fd deny6_;
};

}  // namespace koi
