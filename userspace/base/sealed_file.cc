// SPDX-License-Identifier: Apache-2.0
// Memory files.
#include "base/sealed_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace koi {

absl::StatusOr<Fd> SealBytes(const char* name, absl::string_view bytes) {
  return SealPieces(name, {bytes});
}

absl::StatusOr<Fd> SealPieces(const char* name, const std::vector<absl::string_view>& pieces) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", name));
  off_t end = 0;
  for (absl::string_view left : pieces) {
    while (!left.empty()) {
      const ssize_t written = ::pwrite(fd.get(), left.data(), left.size(), end);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", name));
      left.remove_prefix(static_cast<size_t>(written));
      end += written;
    }
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) !=
      0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot seal ", name));
  }
  return fd;
}

absl::StatusOr<std::string> SealedBytes(int fd) {
  std::string bytes;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::pread(fd, buffer, sizeof(buffer), static_cast<off_t>(bytes.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "cannot read a memory file");
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

absl::StatusOr<std::shared_ptr<const SealedMapping>> SealedMapping::Open(int fd) {
  // Not fstat(2), which workers may not call.
  const off_t size = ::lseek(fd, 0, SEEK_END);
  if (size <= 0) return absl::InvalidArgumentError("a memory file is empty, or none");
  void* address = ::mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED) return absl::ErrnoToStatus(errno, "cannot map a memory file");
  return std::shared_ptr<const SealedMapping>(
      new SealedMapping(address, static_cast<size_t>(size)));
}

SealedMapping::~SealedMapping() { ::munmap(address_, size_); }

}  // namespace koi
