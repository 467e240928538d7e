// SPDX-License-Identifier: Apache-2.0
// The command line of koi-bench.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace koi::bench {

struct Options {
  std::string what = {};  // "tls", "steer" or "l4"
  int rounds = 5;
  std::set<std::string> cases = {};       // empty: all
  std::vector<std::string> proxies = {};  // or, of steer, ways to steer
  double scale = 1;                       // of the number of requests
  bool one_armed = false;                 // clients and backends on one network
  bool json = false;
};

// Empty where the command line is wrong; then `error` says why.
std::optional<Options> ParseOptions(const std::vector<std::string>& arguments, std::string& error);

std::string Usage();

}  // namespace koi::bench
