// SPDX-License-Identifier: Apache-2.0
// All commands of koi.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "cli/command.h"

namespace koi {

absl::Span<const Command> Commands();

// The words that may follow `typed` in the name of a command: nouns after "", verbs after a noun;
// none after a whole name.
std::vector<std::string> WordsAfter(absl::string_view typed);

// What `koi NAME --help` prints: of a command, of a noun with verbs, or of koi itself for "".
std::string HelpText(absl::string_view name);

}  // namespace koi
