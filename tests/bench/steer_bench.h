// SPDX-License-Identifier: Apache-2.0
// tools/bench steer: what it costs to bring packets to the worker's CPU, and what it gains.
#pragma once

#include "bench/options.h"

namespace koi::bench {

// Prints the table, and with --json one line more. The exit code: 1 when anything failed.
int RunSteerBench(const Options& options);

}  // namespace koi::bench
