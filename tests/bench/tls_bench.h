// SPDX-License-Identifier: Apache-2.0
// tools/bench tls: CPU a request of koi and its peers.
#pragma once

#include "bench/options.h"

namespace koi::bench {

// Prints the table, and with --json one line more. The exit code: 1 when anything failed.
int RunTlsBench(const Options& options);

}  // namespace koi::bench
