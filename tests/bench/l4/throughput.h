// SPDX-License-Identifier: Apache-2.0
// Packets a second through a pair of veth interfaces, with real frames: what a driver's path adds.
#pragma once

#include <map>
#include <string>

#include "bench/l4/driver.h"
#include "bench/l4/stage.h"

namespace koi::bench {

struct Throughput {
  std::map<std::string, double> packets_per_second = {};  // "empty", "dsr", "ipip"
  std::string text = {};
};

// Frames go in at one end, through the program at the other, back, and are counted.
Throughput MeasureThroughput(L4Stage& stage, L4Driver& driver, int rounds);

}  // namespace koi::bench
