// SPDX-License-Identifier: Apache-2.0
// tools/bench l4: what koi_xdp costs a packet.
#pragma once

#include <string>
#include <vector>

#include "bench/options.h"

namespace koi::bench {

// Of its rows, as --cases takes them.
std::vector<std::string> L4RowKeys();

// Prints a table; exit code 0.
int RunL4Bench(const Options& options);

}  // namespace koi::bench
