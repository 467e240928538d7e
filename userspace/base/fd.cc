// SPDX-License-Identifier: Apache-2.0
// Closing and duplicating descriptors.
#include "base/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace koi {

void Fd::Close() {
  if (fd_ >= 0) ::close(fd_);  // Linux frees the descriptor even when close() reports EINTR or EIO
  fd_ = -1;
}

absl::StatusOr<Fd> Fd::DuplicateOf(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return absl::ErrnoToStatus(errno, "cannot duplicate a descriptor");
  return Fd(copy);
}

}  // namespace koi
