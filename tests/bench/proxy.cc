// SPDX-License-Identifier: Apache-2.0
// What is the same for every proxy.
#include "bench/proxy.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace koi::bench {

std::vector<int> Proxy::Pids(const lab::Lab& lab) const {
  std::vector<int> pids;
  const lab::ProgramResult result = lab.Run({"ip", "netns", "pids", host().namespace_name()});
  for (const absl::string_view line : absl::StrSplit(result.out, '\n', absl::SkipEmpty())) {
    int pid = 0;
    if (absl::SimpleAtoi(line, &pid)) pids.push_back(pid);
  }
  return pids;
}

lab::Argv OnCpu(int cpu, const lab::Argv& argv) {
  lab::Argv whole = {"taskset", "-c", absl::StrCat(cpu)};
  whole.insert(whole.end(), argv.begin(), argv.end());
  return whole;
}

}  // namespace koi::bench
