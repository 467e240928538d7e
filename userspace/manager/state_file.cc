// SPDX-License-Identifier: Apache-2.0
// Loading and saving state.toml.
#include "manager/state_file.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr int kMostBroken = 1000;
constexpr int kStateFileMode = 0600;
constexpr int kStateFolderMode = 0700;

// Renames `path` to the first free name; the new one.
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

}  // namespace

std::string StateFile::path() const { return absl::StrCat(folder_, "/", kStateFileName); }

absl::StatusOr<StateFile::Loaded> StateFile::Load() const {
  const absl::StatusOr<std::string> text = ReadFile(path());
  if (absl::IsNotFound(text.status())) return Loaded{.state = State()};
  std::string why(text.status().message());
  if (text.ok()) {
    StateResult result = ParseState({path(), *text});
    if (result.state.has_value()) return Loaded{.state = *std::move(result.state)};
    const ConfigError& first = result.errors.front();
    why = absl::StrCat(path(), ":", first.line, ":", first.column, ": ", first.message);
    if (result.errors.size() > 1) absl::StrAppend(&why, " (", result.errors.size(), " errors)");
  }
  const absl::StatusOr<std::string> aside = SetAside(path());
  if (!aside.ok()) {
    return Annotate(aside.status(), absl::StrCat("the changes made by the command line cannot be "
                                                 "read (",
                                                 why, "), nor set aside"));
  }
  return Loaded{.warning = absl::StrCat("the changes made by the command line were lost: ", why,
                                        "; it is now ", *aside)};
}

absl::Status StateFile::Save(const State& state) const {
  absl::Status saved = MakeDirectories(folder_, kStateFolderMode);
  if (saved.ok()) saved = WriteFile(path(), FormatState(state), kStateFileMode);
  if (saved.ok()) return saved;
  return absl::ResourceExhaustedError(
      absl::StrCat("nothing was changed, since it could not be kept: ", saved.message()));
}

}  // namespace koi
