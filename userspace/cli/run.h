// SPDX-License-Identifier: Apache-2.0
// The command line: from words to an exit code.
#pragma once

#include <ostream>

#include "protocol/keeper_messages.h"

namespace koi {

// Runs `argv` as koi's main() gets it. Data goes to `out`, everything else to `talk`.
ExitCode RunCommandLine(int argc, const char* const* argv, std::ostream& out, std::ostream& talk);

}  // namespace koi
