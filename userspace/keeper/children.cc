// SPDX-License-Identifier: Apache-2.0
// fork(2), what the child does before execve(2), and the back-off.
#include "keeper/children.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/log.h"
#include "base/status_macros.h"
#include "keeper/privileges.h"

namespace koi {
namespace {

absl::Status PinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof(set), &set) != 0)
    return absl::ErrnoToStatus(errno, "cannot pin a worker");
  return absl::OkStatus();
}

// Moves the inherited descriptors to 3, 4, ...: first out of each other's way, then into place,
// which also clears close-on-exec.
absl::Status PlaceDescriptors(const std::vector<int>& inherited) {
  const int first = kChildChannelFd;
  const int beyond = first + static_cast<int>(inherited.size());
  std::vector<int> aside;
  for (const int fd : inherited) aside.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, beyond));
  for (size_t i = 0; i < aside.size(); ++i) {
    if (aside[i] < 0 || ::dup2(aside[i], first + static_cast<int>(i)) < 0) {
      return absl::ErrnoToStatus(errno, "cannot hand a channel to a child");
    }
  }
  // Whatever else is open, whoever started the keeper may have left there: no child inherits it.
  if (::close_range(static_cast<unsigned>(beyond), ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    return absl::ErrnoToStatus(errno, "cannot close what a child must not inherit");
  }
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || ::dup2(null, STDIN_FILENO) < 0)
    return absl::ErrnoToStatus(errno, "cannot open /dev/null");
  return absl::OkStatus();
}

// Executes `program`, which the caller may no longer be able to reach by its path: a folder above
// it may be closed to the user the caller has become, as a checkout below /root is. Then the
// descriptor opened before serves. Returns only on failure.
absl::Status Execute(const ChildProgram& program, int opened_before) {
  std::vector<char*> arguments = {const_cast<char*>(program.path.c_str())};
  for (const std::string& argument : program.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  ::execv(program.path.c_str(), arguments.data());
  if (errno == EACCES && opened_before >= 0) ::fexecve(opened_before, arguments.data(), environ);
  return absl::ErrnoToStatus(errno, "cannot execute it");
}

absl::Status Become(const ChildProgram& program, const std::vector<int>& inherited, pid_t keeper) {
  // Above the descriptors that are put into place below.
  constexpr int kOutOfTheWay = 64;
  const Fd path(::open(program.path.c_str(), O_PATH | O_CLOEXEC));
  const Fd executable(::fcntl(path.get(), F_DUPFD_CLOEXEC, kOutOfTheWay));
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (program.cpu >= 0) KOI_RETURN_IF_ERROR(PinTo(program.cpu));
  KOI_RETURN_IF_ERROR(PlaceDescriptors(inherited));
  // The manager reads it; who talks to clients must not be able to give it away.
  if (program.role != ChildRole::kManager) ::unsetenv(kPasswordVariable);
  KOI_RETURN_IF_ERROR(TakePrivileges(program.role));
  // The death signal is armed only now: a keeper that died before is seen here.
  if (::getppid() != keeper) return absl::UnavailableError("the keeper died");
  return Execute(program, executable.get());
}

}  // namespace

absl::StatusOr<pid_t> StartChild(const ChildProgram& program, const std::vector<int>& inherited) {
  const pid_t keeper = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "cannot fork");
  if (pid > 0) return pid;
  const absl::Status failed = Become(program, inherited, keeper);
  LogError("cannot start", {{"program", program.path}, {"why", failed.message()}});
  ::_exit(kExitFailure);
}

Duration RestartBackOff::AfterEnd(TimePoint started, TimePoint now) {
  if (now - started >= kLongLife) next_ = Duration::zero();
  const Duration wait = next_;
  next_ = std::min(std::max(next_ * 2, kFirst), kLongest);
  return wait;
}

}  // namespace koi
