// SPDX-License-Identifier: Apache-2.0
// Starting one of koi's programs, and when to start it again.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/fd.h"
#include "base/time.h"
#include "protocol/keeper_messages.h"

namespace koi {

struct ChildProgram {
  ChildRole role = ChildRole::kManager;
  int cpu = -1;  // a worker runs on this CPU alone
  std::string path;
  std::vector<std::string> arguments;
};

// Forks and executes `program` with `inherited[i]` as descriptor 3 + i, standard input from
// /dev/null, the privileges of its role, and its death bound to this process's. Returns its pid. A
// child that cannot become what it should exits with kExitFailure after one log line.
absl::StatusOr<pid_t> StartChild(const ChildProgram& program, const std::vector<int>& inherited);

// How long to wait before a child that ended is started again: not at all once it has lived long
// enough to have been of use, ever longer when it ends soon after each start.
class RestartBackOff {
 public:
  // Called when the child, started at `started`, has ended at `now`.
  Duration AfterEnd(TimePoint started, TimePoint now);

 private:
  static constexpr Duration kFirst = std::chrono::milliseconds(50);
  static constexpr Duration kLongest = std::chrono::seconds(5);
  static constexpr Duration kLongLife = std::chrono::seconds(2);
  Duration next_ = Duration::zero();
};

}  // namespace koi
