// SPDX-License-Identifier: Apache-2.0
// What the control API says about denied clients.
//
//   GET  /deny         DenyListing
//   POST /deny/add     DenyOrder    -> DenyReport
//   POST /deny/remove  DenyOrder    -> DenyReport; all of them or none
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/prefix.h"
#include "config/deny_list.h"

namespace koi {

// A request may be as large as an order of all prefixes that there is room for.
constexpr size_t kMaxControlBodyBytes = 16 << 20;

struct DenyOrder {
  std::vector<Prefix> prefixes = {};
  bool replace = false;  // of an add: whatever else is denied no longer is
};

struct DenyReport {
  uint64_t added = 0;
  uint64_t removed = 0;
  uint64_t unchanged = 0;  // of the order, that were denied before
  uint64_t denied = 0;     // in all, now
};

struct DenyListing {
  std::vector<DenyEntry> denied = {};
};

std::string EncodeJson(const DenyOrder& value);
std::string EncodeJson(const DenyReport& value);
std::string EncodeJson(const DenyListing& value);

// InvalidArgument with what is missing or of the wrong type.
absl::StatusOr<DenyOrder> DecodeDenyOrder(absl::string_view json);
absl::StatusOr<DenyReport> DecodeDenyReport(absl::string_view json);
absl::StatusOr<DenyListing> DecodeDenyListing(absl::string_view json);

}  // namespace koi
