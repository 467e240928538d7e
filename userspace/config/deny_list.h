// SPDX-License-Identifier: Apache-2.0
// Lists of denied clients as text: what `koi deny import` reads, and what koi-manager keeps.
//
//   # a comment
//   192.0.2.0/24
//   2001:db8::7                # an address is its longest prefix
//   198.51.100.0/24 1764012345 # with the time since when, in seconds since 1970
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/prefix.h"

namespace koi {

struct DenyEntry {
  Prefix prefix = {};
  uint32_t since_s = 0;  // since 1970; 0: not said

  auto operator<=>(const DenyEntry&) const = default;
};

struct DenyText {
  std::vector<DenyEntry> entries = {};   // ascending, each prefix once; only without errors
  std::vector<std::string> errors = {};  // "FILE:LINE: what is wrong", of all lines
};

// Reads `text`, which the file `name` holds.
DenyText ParseDenyText(absl::string_view name, absl::string_view text);

// What ParseDenyText() reads as `entries`.
std::string FormatDenyText(absl::Span<const DenyEntry> entries);

// Puts `entries` into ascending order and keeps the first of those with the same prefix.
void SortDenyEntries(std::vector<DenyEntry>& entries);

}  // namespace koi
