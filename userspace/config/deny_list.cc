// SPDX-License-Identifier: Apache-2.0
// Lists of denied clients, line by line.
#include "config/deny_list.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace koi {
namespace {

// No prefix or time is longer; what is would fill the error message.
constexpr size_t kMaxWordBytes = 64;

bool IsBlank(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

// Takes the first word off `line`; "" when there is none.
absl::string_view TakeWord(absl::string_view& line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  const size_t bytes =
      static_cast<size_t>(std::find_if(line.begin(), line.end(), IsBlank) - line.begin());
  const absl::string_view word = line.substr(0, bytes);
  line.remove_prefix(bytes);
  return word;
}

// The entry of `line`, which has one.
absl::StatusOr<DenyEntry> ParseDenyLine(absl::string_view line) {
  const absl::string_view prefix = TakeWord(line);
  const absl::string_view since = TakeWord(line);
  if (prefix.size() > kMaxWordBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a word of ", prefix.size(), " bytes is no prefix"));
  }
  const absl::StatusOr<Prefix> parsed = Prefix::Parse(prefix);
  if (!parsed.ok()) return parsed.status();
  DenyEntry entry{.prefix = *parsed};
  if (!since.empty() && (!absl::ascii_isdigit(static_cast<unsigned char>(since.front())) ||
                         !absl::SimpleAtoi(since, &entry.since_s) || !TakeWord(line).empty())) {
    return absl::InvalidArgumentError(absl::StrCat("there is more behind ", parsed->ToString(),
                                                   ": one prefix a line, comments begin with #"));
  }
  return entry;
}

}  // namespace

DenyText ParseDenyText(absl::string_view name, absl::string_view text) {
  DenyText result;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    absl::StatusOr<DenyEntry> entry = ParseDenyLine(line);
    if (entry.ok()) {
      result.entries.push_back(*entry);
    } else {
      result.errors.push_back(absl::StrCat(name, ":", number, ": ", entry.status().message()));
    }
  }
  if (!result.errors.empty()) result.entries.clear();
  SortDenyEntries(result.entries);
  return result;
}

std::string FormatDenyText(absl::Span<const DenyEntry> entries) {
  std::string text = "# Clients that get nothing from any VIP: prefix, and since when (seconds).\n";
  for (const DenyEntry& entry : entries) {
    absl::StrAppend(&text, entry.prefix.ToString());
    if (entry.since_s != 0) absl::StrAppend(&text, " ", entry.since_s);
    text.push_back('\n');
  }
  return text;
}

void SortDenyEntries(std::vector<DenyEntry>& entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const DenyEntry& a, const DenyEntry& b) { return a.prefix < b.prefix; });
  const auto same = [](const DenyEntry& a, const DenyEntry& b) { return a.prefix == b.prefix; };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
}

}  // namespace koi
