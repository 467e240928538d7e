// SPDX-License-Identifier: Apache-2.0
// The usage text of a command as what may be typed: the text is the one definition of both.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace koi {

struct UsagePart {
  enum class Kind { kOnce, kRepeated, kOption, kFlag };
  Kind kind = Kind::kOnce;
  bool required = true;  // of what is no option: at least once
  std::string name;  // "POOL"; of an option "--weight", of a flag, which has no value, "--dry-run"
};

// "POOL [NAME] PREFIX... [FILE...] [--weight N] [--dry-run]".
std::vector<UsagePart> ParseUsage(absl::string_view usage);

}  // namespace koi
