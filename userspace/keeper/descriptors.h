// SPDX-License-Identifier: Apache-2.0
// The descriptors that must outlive every crash but the keeper's own: the listeners of each CPU's
// worker, and what children gave into keeping (links).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"

namespace koi {

class Descriptors {
 public:
  // Makes two listeners a CPU, on 127.0.0.1 and ::1 at ports the kernel chooses: koi_sk_lookup
  // gives them the VIPs' connections. Where the host has no IPv6, one, and a log line.
  static absl::StatusOr<Descriptors> Open(const std::vector<int>& cpus);

  const std::vector<int>& cpus() const { return cpus_; }
  // Calls `visit(cpu, family, fd)` for each listener; family is 0 for IPv4, 1 for IPv6.
  void ForEachListener(const std::function<void(int, int, int)>& visit) const;
  void ForEachHeld(const std::function<void(const std::string&, int)>& visit) const;

  // Keeps `fd` under `name` in place of an earlier one. ResourceExhausted beyond kMaxHeld names.
  absl::Status Hold(absl::string_view name, Fd fd);
  void Drop(absl::string_view name);

 private:
  // Links, locks and files, and two ends of a pipe for each of 1,024 CPUs.
  static constexpr size_t kMaxHeld = 16 + 2 * 1024;
  struct Listener {
    int cpu;
    int family;
    Fd fd;
  };
  std::vector<int> cpus_;
  std::vector<Listener> listeners_;
  std::map<std::string, Fd> held_;
};

}  // namespace koi
