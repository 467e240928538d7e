// SPDX-License-Identifier: Apache-2.0
// Threaded NAPI, cpumap threads, XDP links.
#include "bench/kernel_threads.h"

#include <dirent.h>
#include <sched.h>

#include <algorithm>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "nlohmann/json.hpp"

namespace koi::bench {
namespace {

// Processes and kernel threads whose name begins with `prefix`.
std::vector<int> Named(const std::string& prefix) {
  std::vector<int> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  while (const dirent* entry = readdir(proc.get())) {
    int pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    const std::string name = ReadFile(absl::StrCat("/proc/", pid, "/comm")).value_or("");
    if (absl::StartsWith(name, prefix)) found.push_back(pid);
  }
  std::sort(found.begin(), found.end());
  return found;
}

nlohmann::json Bpftool(const lab::Lab& lab, const lab::Argv& argv) {
  const lab::ProgramResult result = lab.Run(argv);
  nlohmann::json json = nlohmann::json::parse(result.out, nullptr, false);
  if (json.is_discarded()) lab::Die(result.Describe());
  return json;
}

}  // namespace

std::vector<int> PollInThreads(const lab::Lab& lab, const lab::Host& host) {
  const std::vector<int> before = Named("napi/eth0-");
  lab.MustRun({"ip", "netns", "exec", host.namespace_name(), "sh", "-c",
               "echo 1 >/sys/class/net/eth0/threaded"});
  const std::vector<int> after = Named("napi/eth0-");
  std::vector<int> made;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(made));
  if (made.empty()) lab::Die("the kernel polls eth0 in no thread");
  return made;
}

std::vector<int> CpumapThreads(const lab::Lab& lab, const std::string& path) {
  const nlohmann::json map = Bpftool(lab, {"bpftool", "-j", "map", "show", "pinned", path});
  std::vector<int> threads;
  for (const int pid : Named("cpumap/")) {
    const std::string name = ReadFile(absl::StrCat("/proc/", pid, "/comm")).value_or("");
    if (absl::EndsWith(name, absl::StrCat("map:", map.value("id", 0), "\n"))) {
      threads.push_back(pid);
    }
  }
  return threads;
}

void MoveTo(int cpu, const std::vector<int>& threads) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  for (const int thread : threads) {
    if (sched_setaffinity(thread, sizeof(set), &set) != 0) {
      lab::Die(absl::StrCat("cannot move thread ", thread, " to CPU ", cpu));
    }
  }
}

void DetachXdp(const lab::Lab& lab, const lab::Host& host) {
  const nlohmann::json net = Bpftool(lab, host.Enter({"bpftool", "-j", "net", "show"}));
  const nlohmann::json& attached = net.at(0).at("xdp");
  if (attached.empty()) lab::Die(absl::StrCat(host.name(), " has no XDP program"));
  for (const nlohmann::json& link : Bpftool(lab, {"bpftool", "-j", "link", "show"})) {
    if (link.value("type", "") != "xdp" ||
        link.value("prog_id", 0) != attached[0].value("id", -1)) {
      continue;
    }
    lab.MustRun({"bpftool", "link", "detach", "id", absl::StrCat(link.value("id", 0))});
  }
}

}  // namespace koi::bench
