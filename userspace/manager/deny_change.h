// SPDX-License-Identifier: Apache-2.0
// What an order does to the list of denied clients. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "config/deny_list.h"
#include "protocol/deny_messages.h"

namespace koi {

enum class DenyVerb { kAdd, kRemove };

struct DenyChange {
  std::vector<DenyEntry> after = {};    // ascending, as all of them are
  std::vector<DenyEntry> added = {};    // that `before` lacks
  std::vector<DenyEntry> removed = {};  // that `after` lacks
  DenyReport report = {};
};

// `order` carried out on `before`, at the time `now_s`. NotFound when it removes what is not
// denied; ResourceExhausted when there would be more than `room` of a family.
absl::StatusOr<DenyChange> ChangeDenied(const std::vector<DenyEntry>& before, DenyVerb verb,
                                        const DenyOrder& order, uint32_t now_s, size_t room);

}  // namespace koi
