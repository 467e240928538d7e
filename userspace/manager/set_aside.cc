// SPDX-License-Identifier: Apache-2.0
// Renaming what cannot be used.
#include "manager/set_aside.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

constexpr int kMostBroken = 1000;

}  // namespace

absl::StatusOr<std::string> SetAside(const std::string& path) {
  for (int number = 1; number <= kMostBroken; ++number) {
    const std::string aside = absl::StrCat(path, ".broken-", number);
    if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, aside.c_str(), RENAME_NOREPLACE) == 0) {
      return aside;
    }
    if (errno != EEXIST) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot rename ", path, " to ", aside));
    }
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("there are ", kMostBroken, " files ", path, ".broken-N: remove some"));
}

}  // namespace koi
