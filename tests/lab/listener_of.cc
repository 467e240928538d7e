// SPDX-License-Identifier: Apache-2.0
// Reaching into another process for the listener it accepts from, by pidfd_getfd(2).
#include "lab/listener_of.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace koi::lab {
namespace {

int SocketOption(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

}  // namespace

Fd ListenerOf(int pid, ListenerFamily family) {
  const int domain = family == ListenerFamily::kIp4 ? AF_INET : AF_INET6;
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  std::error_code error;
  const std::string folder = absl::StrCat("/proc/", pid, "/fd");
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    int number = -1;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &number)) continue;
    Fd fd(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), number, 0)));
    if (!fd.valid()) continue;
    const bool wanted =
        SocketOption(fd.get(), SO_ACCEPTCONN) == 1 && SocketOption(fd.get(), SO_DOMAIN) == domain;
    if (wanted) return fd;
  }
  return Fd();
}

}  // namespace koi::lab
