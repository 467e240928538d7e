// SPDX-License-Identifier: Apache-2.0
// An owned file descriptor.
#pragma once

#include <utility>

#include "absl/status/statusor.h"

namespace koi {

class Fd {
 public:
  Fd() = default;
  // Takes over `fd`; negative means none.
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { Close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Close();

  // Another descriptor of the same open file, close-on-exec.
  absl::StatusOr<Fd> Duplicate() const { return DuplicateOf(fd_); }
  static absl::StatusOr<Fd> DuplicateOf(int fd);

 private:
  int fd_ = -1;
};

}  // namespace koi
