// SPDX-License-Identifier: Apache-2.0
// Processes of this network namespace, found in /proc by name. Needs no right to trace them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/time.h"

namespace koi {

struct NamespaceProcess {
  pid_t pid = 0;
  std::string name;  // as ps shows it
};

// Those in this network namespace that are called one of `names` and whose parent is not called
// `parent`. Processes of PID namespaces that cannot be seen from here are not found.
std::vector<NamespaceProcess> OrphansOfNamespace(const std::vector<std::string>& names,
                                                 absl::string_view parent);

// SIGKILL, and waits until it is gone. OK when it was gone already, or its pid is another's by now;
// DeadlineExceeded when it is still there after `limit`. Needs KILL for processes of other users.
absl::Status EndProcess(const NamespaceProcess& process, Duration limit);

// Its command line, or its name where it has none, or "" when there is no such process.
std::string CommandOf(pid_t pid);

}  // namespace koi
