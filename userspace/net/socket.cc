// SPDX-License-Identifier: Apache-2.0
// socket(2) and friends.
#include "net/socket.h"

#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace koi {
namespace {

absl::StatusOr<Fd> TcpSocket(const Endpoint& endpoint) {
  const int family = endpoint.address.is_ip4() ? AF_INET : AF_INET6;
  Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot create a TCP socket");
  return fd;
}

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

}  // namespace

absl::StatusOr<Fd> ListenTcp(const Endpoint& endpoint, int backlog) {
  KOI_ASSIGN_OR_RETURN(Fd fd, TcpSocket(endpoint));
  const int on = 1;
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (!endpoint.address.is_ip4())
    (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  sockaddr_storage storage;
  const socklen_t bytes = endpoint.ToSockaddr(storage);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), bytes) != 0 ||
      ::listen(fd.get(), backlog) != 0) {
    const std::string what = absl::StrCat("cannot listen on ", endpoint.ToString());
    if (errno == EADDRINUSE)
      return absl::AlreadyExistsError(absl::StrCat(what, ": another process does"));
    return absl::ErrnoToStatus(errno, what);
  }
  return fd;
}

absl::StatusOr<Fd> ConnectTcp(const Endpoint& endpoint) {
  KOI_ASSIGN_OR_RETURN(Fd fd, TcpSocket(endpoint));
  const int on = 1;
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_storage storage;
  const socklen_t bytes = endpoint.ToSockaddr(storage);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), bytes) != 0 &&
      errno != EINPROGRESS) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot connect to ", endpoint.ToString()));
  }
  return fd;
}

absl::Status ConnectResult(int fd) {
  int error = 0;
  socklen_t bytes = sizeof(error);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) error = errno;
  if (error != 0) return absl::ErrnoToStatus(error, "cannot connect");
  return absl::OkStatus();
}

absl::StatusOr<Fd> ListenUnix(const std::string& path) {
  const sockaddr_un address = UnixAddress(path);
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is too long for a Unix socket: at most ",
                                                   sizeof(address.sun_path) - 1, " bytes"));
  }
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  if (UnixSocketAnswers(path)) {
    return absl::AlreadyExistsError(absl::StrCat("another process answers on ", path));
  }
  (void)::unlink(path.c_str());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot create a Unix socket");
  if (::bind(fd.get(), name, sizeof(address)) != 0 || ::chmod(path.c_str(), 0660) != 0 ||
      ::listen(fd.get(), 64) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot listen on ", path));
  }
  return fd;
}

bool UnixSocketAnswers(const std::string& path) {
  const sockaddr_un address = UnixAddress(path);
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // EAGAIN: somebody listens, and has enough to do.
  return probe.valid() && (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address),
                                     sizeof(address)) == 0 ||
                           errno == EAGAIN);
}

absl::StatusOr<Endpoint> LocalEndpoint(int fd) {
  sockaddr_storage storage;
  socklen_t bytes = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &bytes) != 0) {
    return absl::ErrnoToStatus(errno, "cannot tell a socket's own endpoint");
  }
  return Endpoint::FromSockaddr(storage);
}

absl::StatusOr<Endpoint> PeerEndpoint(int fd) {
  sockaddr_storage storage;
  socklen_t bytes = sizeof(storage);
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &bytes) != 0) {
    return absl::ErrnoToStatus(errno, "cannot tell a socket's peer");
  }
  return Endpoint::FromSockaddr(storage);
}

}  // namespace koi
