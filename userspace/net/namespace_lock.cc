// SPDX-License-Identifier: Apache-2.0
// bind(2) decides who holds the name; connect(2) and SO_PEERCRED tell who it is.
#include "net/namespace_lock.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "net/namespace_processes.h"

namespace koi {
namespace {

constexpr int kQueries = 64;

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

std::string HolderOf(const AbstractAddress& address) {
  constexpr char kUnknown[] = "a process that does not say who it is";
  const absl::StatusOr<Fd> question = UnixSocket();
  if (!question.ok() || ::connect(question->get(), address.get(), address.bytes) != 0) {
    return kUnknown;
  }
  ucred holder = {};
  socklen_t bytes = sizeof(holder);
  if (::getsockopt(question->get(), SOL_SOCKET, SO_PEERCRED, &holder, &bytes) != 0) return kUnknown;
  if (holder.pid == 0) return "a process in another PID namespace";
  return absl::StrCat(CommandOf(holder.pid), " (pid ", holder.pid, ")");
}

}  // namespace

absl::StatusOr<NamespaceLock> NamespaceLock::Take(absl::string_view name) {
  const AbstractAddress address(name);
  absl::StatusOr<Fd> socket = UnixSocket();
  if (!socket.ok()) return socket.status();
  if (::bind(socket->get(), address.get(), address.bytes) != 0) {
    if (errno == EADDRINUSE) return absl::AlreadyExistsError(HolderOf(address));
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot bind the abstract socket @", name));
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
