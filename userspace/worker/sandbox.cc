// SPDX-License-Identifier: Apache-2.0
// Capabilities and seccomp.
#include "worker/sandbox.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

struct ReleaseFilter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

// Allowed whatever the arguments.
constexpr int kAllowed[] = {
    // Bytes over sockets. read and write are OpenSSL's; write also is the log's.
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
    SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(accept4), SCMP_SYS(connect), SCMP_SYS(shutdown),
    SCMP_SYS(close), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    // The same without copying.
    SCMP_SYS(pipe2), SCMP_SYS(splice),
    // Waiting and time.
    SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday), SCMP_SYS(restart_syscall), SCMP_SYS(futex), SCMP_SYS(sched_yield),
    // Memory; mmap and mprotect below.
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    // The size of a memory file that the manager sent.
    SCMP_SYS(lseek),
    // Random numbers: OpenSSL asks for the process id to notice a fork.
    SCMP_SYS(getrandom), SCMP_SYS(getpid),
    // The end, also by a failed check.
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(exit), SCMP_SYS(exit_group)};

// What the sanitizers' runtime does beside us: it asks through a pipe whether memory can be read.
#ifdef KOI_SANITIZE
// The leak checker would attach to its own process, which the sandbox forbids: asked by the
// runtime.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
constexpr int kAllowedToSanitizers[] = {SCMP_SYS(pipe)};
#else
constexpr std::array<int, 0> kAllowedToSanitizers = {};
#endif

absl::Status ErrorOf(int result) {
  return absl::ErrnoToStatus(-result, "cannot build the system call filter");
}

int AllowSockets(scmp_filter_ctx filter) {
  constexpr scmp_datum_t kTypeMask = 0xff;  // without SOCK_NONBLOCK and SOCK_CLOEXEC
  for (const scmp_datum_t family : {AF_INET, AF_INET6}) {
    const scmp_arg_cmp is_family = {0, SCMP_CMP_EQ, family, 0};
    const scmp_arg_cmp is_stream = {1, SCMP_CMP_MASKED_EQ, kTypeMask, SOCK_STREAM};
    const int result =
        ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, is_family, is_stream);
    if (result != 0) return result;
  }
  return 0;
}

int AllowMemory(scmp_filter_ctx filter) {
  const scmp_arg_cmp not_executable = {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    const int result = ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, not_executable);
    if (result != 0) return result;
  }
  return 0;
}

}  // namespace

absl::Status CheckUnprivileged() {
  if (::geteuid() == 0 || ::getuid() == 0) {
    return absl::FailedPreconditionError("a worker must not run as root");
  }
  if (::capng_get_caps_process() != 0) {
    return absl::UnknownError("cannot tell which capabilities this process has");
  }
  // The bounding set does not count: without a program to execute nothing comes out of it.
  for (const capng_select_t set : {CAPNG_SELECT_CAPS, CAPNG_SELECT_AMBIENT}) {
    if (::capng_have_capabilities(set) > CAPNG_NONE) {
      return absl::FailedPreconditionError("a worker must not have capabilities");
    }
  }
  return absl::OkStatus();
}

absl::Status EnterSandbox() {
  // Neither core dumps nor ptrace by its own user: the private keys are in its memory.
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) {
    return absl::ErrnoToStatus(errno, "cannot forbid core dumps");
  }
  const Filter filter(::seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (filter == nullptr)
    return absl::ResourceExhaustedError("no memory for the system call filter");
  // A binary tree instead of a list of comparisons on every call.
  int result = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (result != 0) return ErrorOf(result);
  for (const int call : kAllowed) {
    result = ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
    if (result != 0) return ErrorOf(result);
  }
  for (const int call : kAllowedToSanitizers) {
    result = ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
    if (result != 0) return ErrorOf(result);
  }
  result = AllowSockets(filter.get());
  if (result == 0) result = AllowMemory(filter.get());
  // Also sets no_new_privs, without which an unprivileged process may install none.
  if (result == 0) result = ::seccomp_load(filter.get());
  return result == 0 ? absl::OkStatus() : ErrorOf(result);
}

}  // namespace koi
