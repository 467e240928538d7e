// SPDX-License-Identifier: Apache-2.0
// koi-bench: what tools/bench runs.
#include <sys/resource.h>

#include <algorithm>
#include <iostream>

#include "bench/l4/l4_bench.h"
#include "bench/options.h"
#include "bench/steer_bench.h"
#include "bench/tls_bench.h"

int main(int argc, char** argv) {
  std::string error;
  const auto options =
      koi::bench::ParseOptions(std::vector<std::string>(argv + 1, argv + argc), error);
  if (!options.has_value()) {
    std::cerr << "koi-bench: " << error << '\n' << koi::bench::Usage();
    return 2;
  }
  // The same for every proxy, and enough for 5,000 connections with two descriptors each.
  constexpr rlim_t kDescriptors = 20'000;
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min(kDescriptors, limit.rlim_max);
  limit.rlim_max = limit.rlim_cur;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (options->what == "l4") return koi::bench::RunL4Bench(*options);
  return options->what == "tls" ? koi::bench::RunTlsBench(*options)
                                : koi::bench::RunSteerBench(*options);
}
