// SPDX-License-Identifier: Apache-2.0
// A small network of our own on this machine: namespaces joined by a bridge.
//
//   client    blue     red     web-1   web-2 ...      one namespace each, koi-PID-NAME
//   │eth0     │eth0    │eth0   │eth0   │eth0          10.9.0.11, .12, ... and fd00:9::11, ::12, ...
//   └─────────┴────────┴── br0 ┴───────┘              a namespace too: koi-PID-switch
//
// Nothing outside of these namespaces changes, so any number of labs may run at once. Everything
// below /run/koi-lab-PID belongs to the lab: a directory for each host, `log` with every command
// as it could be typed, and `down`, the script that takes the lab down. A guardian process runs
// that script when this program ends, however it ends. KOI_LAB_KEEP=1 leaves the lab standing and
// says how to enter it; KOI_LAB_VERBOSE=1 shows the commands on standard error too.
//
// A lab that cannot be built ends the program with the command that failed: there is nothing to
// test then.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/fd.h"
#include "support/lab/host.h"
#include "support/lab/program.h"

namespace koi::lab {

enum class AtEnd {
  kTakeDown,  // unless KOI_LAB_KEEP=1: then it says how to enter
  kKeep,      // and its user says how
};

class Lab {
 public:
  explicit Lab(AtEnd at_end = AtEnd::kTakeDown);
  // Takes it down, or says how to.
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  // One more host on the bridge. The reference is valid as long as the lab.
  Host& Add(const std::string& name);
  // Removes eth0 of `host`, or makes it anew, connected and with its addresses, as Add() did.
  void RemoveInterface(const Host& host);
  void MakeInterface(const Host& host);
  // Pulls the cable of `host` out of the switch, or puts it back.
  void Unplug(const Host& host);
  void Plug(const Host& host);

  // `command` is run first when the lab is taken down, however that comes about.
  void AtTakeDown(const Argv& command);

  const std::string& directory() const { return directory_; }
  // The namespace of host `name`.
  std::string NamespaceName(const std::string& name) const;

  // Runs `argv` on this machine itself, echoed.
  ProgramResult Run(const Argv& argv, Duration limit = std::chrono::seconds(30)) const;
  // The same, and ends the program when it fails.
  void MustRun(const Argv& argv) const;
  // Writes `command` to the log, once for any number of repetitions.
  void Echo(const std::string& command) const;

  // How a person enters the hosts, and takes the lab down.
  std::string Instructions() const;

 private:
  void WriteDownScript() const;
  void StartGuardian();

  const bool keep_;
  const bool say_how_to_enter_;
  const std::string prefix_;     // of the namespaces: "koi-123-"
  const std::string directory_;  // "/run/koi-lab-123"
  std::string before_down_;      // shell commands
  mutable std::mutex echo_mutex_;
  mutable std::string last_echo_;
  std::vector<std::unique_ptr<Host>> hosts_;
  pid_t guardian_ = -1;
  Fd guardian_pipe_;  // its other end reads as closed when this program is gone
};

// Ends the program: the world is not as a test needs it.
[[noreturn]] void Die(const std::string& why);

}  // namespace koi::lab
