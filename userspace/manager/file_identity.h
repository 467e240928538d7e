// SPDX-License-Identifier: Apache-2.0
// Whether a file is still the one that was read.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace koi {

// A file behind a path, symbolic links followed: what differs when another one is put there or it
// is written to.
struct FileIdentity {
  bool there = false;
  dev_t device = 0;
  ino_t inode = 0;
  off_t bytes = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;

  bool operator==(const FileIdentity&) const = default;
};

// Of "" and of what is not there: the same as FileIdentity().
FileIdentity IdentityOf(const std::string& path);

}  // namespace koi
