// SPDX-License-Identifier: Apache-2.0
// Other programs: run to their end, or started in the background.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/time.h"

namespace koi::lab {

using Argv = std::vector<std::string>;

// One of koi's own programs: of the folder $KOI_LAB_PROGRAMS where that is set, else of this build.
std::string KoiProgram(const std::string& name);

// `argv` as a person would type it into a shell.
std::string ShellText(const Argv& argv);

struct ProgramResult {
  int exit_code = 0;  // 128 + signal when one ended it; 127 when it could not be started
  bool timed_out = false;
  std::string out = {};
  std::string err = {};

  bool ok() const { return exit_code == 0 && !timed_out; }
  // Both outputs and, where it failed, the exit code: for messages.
  std::string Describe() const;
};

// Runs `argv` (found through PATH), standard input empty, to its end; SIGKILL after `limit`.
ProgramResult RunProgram(const Argv& argv, Duration limit = std::chrono::seconds(30));

// A program in the background, in a session of its own, so that a Ctrl-C meant for the test does
// not reach it. Its end is somebody else's business: the lab ends what runs in its namespaces.
class Process {
 public:
  // Standard output and error are appended to the file `output`.
  static absl::StatusOr<Process> Start(const Argv& argv, const std::string& output);
  Process() = default;
  Process(Process&& other) noexcept { *this = std::move(other); }
  Process& operator=(Process&& other) noexcept;
  ~Process() { Reap(); }

  pid_t pid() const { return pid_; }
  bool running() {
    Reap();
    return pid_ > 0 && !exit_code_.has_value();
  }
  // Does nothing once the process was seen to have ended.
  void Signal(int signal);
  // Its exit code (as ProgramResult has it), once it ends within `limit`.
  std::optional<int> Wait(Duration limit);

 private:
  void Reap();

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

}  // namespace koi::lab
