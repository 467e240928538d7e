// SPDX-License-Identifier: Apache-2.0
// Sets of prefixes, as ordered lists.
#include "manager/deny_change.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace koi {
namespace {

bool IsBefore(const DenyEntry& a, const DenyEntry& b) { return a.prefix < b.prefix; }

using Entries = std::vector<DenyEntry>;

// What of `from` is not in `others`.
Entries Without(const Entries& from, const Entries& others) {
  Entries rest;
  std::set_difference(from.begin(), from.end(), others.begin(), others.end(),
                      std::back_inserter(rest), IsBefore);
  return rest;
}

// Of what both have: the entries of `first`.
Entries InBoth(const Entries& first, const Entries& second) {
  Entries both;
  std::set_intersection(first.begin(), first.end(), second.begin(), second.end(),
                        std::back_inserter(both), IsBefore);
  return both;
}

Entries Together(const Entries& first, const Entries& second) {
  Entries all;
  std::merge(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(all),
             IsBefore);
  return all;
}

absl::Status CheckAllAreThere(const Entries& before, const Entries& ordered) {
  const Entries absent = Without(ordered, before);
  if (absent.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      absent.front().prefix.ToString(),
      absent.size() > 1 ? absl::StrCat(" and ", absent.size() - 1, " more are") : " is",
      " not in the deny list: nothing was changed"));
}

absl::Status CheckRoom(const Entries& after, size_t room) {
  const auto ip4 = static_cast<size_t>(std::count_if(
      after.begin(), after.end(), [](const DenyEntry& entry) { return entry.prefix.is_ip4(); }));
  if (std::max(ip4, after.size() - ip4) <= room) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("these would be ", ip4, " IPv4 and ", after.size() - ip4,
                   " IPv6 prefixes, of at most ", room, " each: nothing was changed"));
}

}  // namespace

absl::StatusOr<DenyChange> ChangeDenied(const std::vector<DenyEntry>& before, DenyVerb verb,
                                        const DenyOrder& order, uint32_t now_s, size_t room) {
  Entries ordered;
  ordered.reserve(order.prefixes.size());
  for (const Prefix& prefix : order.prefixes)
    ordered.push_back({.prefix = prefix, .since_s = now_s});
  SortDenyEntries(ordered);

  DenyChange change;
  if (verb == DenyVerb::kRemove) {
    KOI_RETURN_IF_ERROR(CheckAllAreThere(before, ordered));
    change.removed = InBoth(before, ordered);
    change.after = Without(before, ordered);
  } else {
    const Entries stay = InBoth(before, ordered);
    change.added = Without(ordered, before);
    if (order.replace) change.removed = Without(before, ordered);
    change.after = Together(order.replace ? stay : before, change.added);
    change.report.unchanged = stay.size();
  }
  KOI_RETURN_IF_ERROR(CheckRoom(change.after, room));
  change.report.added = change.added.size();
  change.report.removed = change.removed.size();
  change.report.denied = change.after.size();
  return change;
}

}  // namespace koi
