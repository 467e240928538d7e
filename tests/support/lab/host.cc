// SPDX-License-Identifier: Apache-2.0
// One host of a lab.
#include "support/lab/host.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "support/lab/lab.h"

namespace koi::lab {

Host::Host(const Lab& lab, std::string name, int number)
    : lab_(lab),
      name_(std::move(name)),
      ip4_(absl::StrCat("10.9.0.", number)),
      ip6_(absl::StrCat("fd00:9::", number)),
      directory_(absl::StrCat(lab.directory(), "/", name_)),
      namespace_name_(lab.NamespaceName(name_)) {}

Argv Host::Enter(const Argv& argv) const {
  // nsenter, not `ip netns exec`: that would hide the bpffs mounts behind a fresh /sys.
  Argv whole = {"nsenter", absl::StrCat("--net=/run/netns/", namespace_name_), "--"};
  whole.insert(whole.end(), argv.begin(), argv.end());
  return whole;
}

ProgramResult Host::Run(const Argv& argv, Duration limit) const {
  return lab_.Run(Enter(argv), limit);
}

Process Host::Start(const Argv& argv, const std::string& log) const {
  const Argv whole = Enter(argv);
  const std::string output = absl::StrCat(directory_, "/", log);
  lab_.Echo(absl::StrCat(ShellText(whole), " >>", output, " 2>&1 &"));
  absl::StatusOr<Process> process = Process::Start(whole, output);
  if (!process.ok()) Die(std::string(process.status().message()));
  return *std::move(process);
}

void Host::EnterNamespace() const {
  const std::string path = absl::StrCat("/run/netns/", namespace_name_);
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || setns(fd.get(), CLONE_NEWNET) != 0) {
    Die(absl::StrCat("cannot enter ", path, ": ", strerror(errno)));
  }
}

}  // namespace koi::lab
