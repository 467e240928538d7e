// SPDX-License-Identifier: Apache-2.0
// One command of the command line.
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protocol/keeper_messages.h"

namespace koi {

// A command as it was typed.
struct Invocation {
  std::vector<std::string> arguments;  // in the order of the usage; optional ones may be missing
  std::map<std::string, std::string> options;  // "--weight" -> "50"
  bool json = false;
  std::string socket;
  std::ostream& out;   // data: what a pipe should get
  std::ostream& talk;  // everything else that is said
};

struct Command {
  absl::string_view name;   // "status", or noun and verb: "backend add"
  absl::string_view usage;  // "POOL NAME [FILE...] [--weight N]"; `ParseUsage` reads it
  absl::string_view help;   // a sentence
  // An error becomes a line of talk and the exit code of its status code.
  absl::StatusOr<ExitCode> (*run)(const Invocation&);
};

}  // namespace koi
