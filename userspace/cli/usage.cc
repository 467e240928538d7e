// SPDX-License-Identifier: Apache-2.0
// Words of usage texts.
#include "cli/usage.h"

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace koi {

std::vector<UsagePart> ParseUsage(absl::string_view usage) {
  std::vector<UsagePart> parts;
  for (absl::string_view word : absl::StrSplit(usage, ' ', absl::SkipEmpty())) {
    const bool value_of_option =
        !parts.empty() && !absl::StartsWith(word, "[") && absl::EndsWith(word, "]");
    if (value_of_option) continue;
    UsagePart part;
    part.required = !absl::ConsumePrefix(&word, "[");
    const bool alone = absl::ConsumeSuffix(&word, "]");
    if (absl::ConsumeSuffix(&word, "...")) part.kind = UsagePart::Kind::kRepeated;
    if (absl::StartsWith(word, "--")) {
      part.kind = alone ? UsagePart::Kind::kFlag : UsagePart::Kind::kOption;
    }
    part.name = std::string(word);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace koi
