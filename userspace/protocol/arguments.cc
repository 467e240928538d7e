// SPDX-License-Identifier: Apache-2.0
// Arguments as text, a NUL after each.
#include "protocol/arguments.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_split.h"

namespace koi {

absl::StatusOr<Fd> PackArguments(const std::vector<std::string>& arguments) {
  std::string text;
  for (const std::string& argument : arguments) text.append(argument).push_back('\0');
  Fd fd(::memfd_create("koi-arguments", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const auto size = static_cast<ssize_t>(text.size());
  if (!fd.valid() || ::pwrite(fd.get(), text.data(), text.size(), 0) != size ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) !=
          0) {
    return absl::ErrnoToStatus(errno, "cannot keep the arguments");
  }
  return fd;
}

absl::StatusOr<std::vector<std::string>> UnpackArguments(int fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::pread(fd, buffer, sizeof(buffer), static_cast<off_t>(text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "cannot read koid's arguments");
    if (got == 0) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  std::vector<std::string> arguments = absl::StrSplit(text, '\0');
  arguments.pop_back();  // nothing follows the last NUL
  return arguments;
}

}  // namespace koi
