// SPDX-License-Identifier: Apache-2.0
// bind(2) decides who holds the name; connect(2) and SO_PEERCRED tell who it is.
#include "net/namespace_lock.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/time.h"
#include "net/namespace_processes.h"

namespace koi {
namespace {

constexpr int kQueries = 64;
// A holder that died may have forked just before: its child holds the socket until it executes its
// program.
constexpr Duration kDeadHolderLimit = std::chrono::seconds(1);
constexpr int kDeadHolderPauseMs = 10;

struct AbstractAddress {
  sockaddr_un address = {};
  socklen_t bytes = 0;

  explicit AbstractAddress(absl::string_view name) {
    address.sun_family = AF_UNIX;
    // The first byte stays zero: that is what makes it abstract.
    const size_t length = std::min(name.size(), sizeof(address.sun_path) - 1);
    std::memcpy(address.sun_path + 1, name.data(), length);
    bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

absl::StatusOr<Fd> UnixSocket() {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot create a Unix socket");
  return fd;
}

// Who listens at `address`; pid 0 where that is not told, or it has none in this PID namespace.
struct Holder {
  pid_t pid = 0;
  std::string name;
};

Holder HolderOf(const AbstractAddress& address) {
  const absl::StatusOr<Fd> question = UnixSocket();
  ucred holder = {};
  socklen_t bytes = sizeof(holder);
  if (!question.ok() || ::connect(question->get(), address.get(), address.bytes) != 0 ||
      ::getsockopt(question->get(), SOL_SOCKET, SO_PEERCRED, &holder, &bytes) != 0) {
    return {0, "a process that does not say who it is"};
  }
  if (holder.pid == 0) return {0, "a process in another PID namespace"};
  return {holder.pid, absl::StrCat(CommandOf(holder.pid), " (pid ", holder.pid, ")")};
}

bool IsDead(pid_t pid) { return pid != 0 && ::kill(pid, 0) != 0 && errno == ESRCH; }

}  // namespace

absl::StatusOr<NamespaceLock> NamespaceLock::Take(absl::string_view name) {
  const AbstractAddress address(name);
  absl::StatusOr<Fd> socket = UnixSocket();
  if (!socket.ok()) return socket.status();
  const TimePoint limit = Now() + kDeadHolderLimit;
  while (::bind(socket->get(), address.get(), address.bytes) != 0) {
    if (errno != EADDRINUSE) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot bind the abstract socket @", name));
    }
    const Holder holder = HolderOf(address);
    if (!IsDead(holder.pid) || Now() > limit) return absl::AlreadyExistsError(holder.name);
    ::poll(nullptr, 0, kDeadHolderPauseMs);
  }
  if (::listen(socket->get(), kQueries) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot listen on the abstract socket @", name));
  }
  return NamespaceLock(*std::move(socket));
}

void NamespaceLock::AnswerAll() {
  while (Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)).valid()) {
  }
}

}  // namespace koi
