// SPDX-License-Identifier: Apache-2.0
// Reads /proc/PID/task/*/schedstat and /proc/PID/smaps_rollup.
#include "bench/usage.h"

#include <dirent.h>

#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace koi::bench {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

absl::Status Gone(int pid) {
  return absl::NotFoundError(absl::StrCat("process ", pid, " has ended"));
}

}  // namespace

absl::StatusOr<std::vector<uint64_t>> CpuNanoseconds(const std::vector<int>& pids) {
  std::vector<uint64_t> each;
  for (const int pid : pids) {
    const std::string folder = absl::StrCat("/proc/", pid, "/task/");
    const std::unique_ptr<DIR, CloseDirectory> threads(opendir(folder.c_str()));
    if (threads == nullptr) return Gone(pid);
    uint64_t& sum = each.emplace_back(0);
    while (const dirent* thread = readdir(threads.get())) {
      if (thread->d_name[0] == '.') continue;
      uint64_t on_cpu_ns = 0;
      std::ifstream file(absl::StrCat(folder, thread->d_name, "/schedstat"));
      if (file >> on_cpu_ns) sum += on_cpu_ns;  // else the thread has just ended
    }
  }
  return each;
}

absl::StatusOr<int64_t> PssBytes(const std::vector<int>& pids) {
  int64_t sum = 0;
  for (const int pid : pids) {
    std::ifstream file(absl::StrCat("/proc/", pid, "/smaps_rollup"));
    std::string word;
    int64_t kib = -1;
    while (kib < 0 && file >> word) {
      if (word == "Pss:") file >> kib;
    }
    if (kib < 0) return Gone(pid);
    sum += kib * 1024;
  }
  return sum;
}

}  // namespace koi::bench
