// SPDX-License-Identifier: Apache-2.0
// Loading and saving state.toml.
#include "manager/state_file.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "manager/set_aside.h"

namespace koi {
namespace {

constexpr int kStateFileMode = 0600;
constexpr int kStateFolderMode = 0700;

// What stands in the file `path`; in one that is not there, no change. An error says why it cannot
// be used, and where.
absl::StatusOr<State> Read(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) return State();
  KOI_RETURN_IF_ERROR(text.status());
  StateResult result = ParseState({path, *text});
  if (result.state.has_value()) return *std::move(result.state);
  const ConfigError& first = result.errors.front();
  std::string why = absl::StrCat(path, ":", first.line, ":", first.column, ": ", first.message);
  if (result.errors.size() > 1) absl::StrAppend(&why, " (", result.errors.size(), " errors)");
  return absl::InvalidArgumentError(why);
}

}  // namespace

std::string StateFile::path() const { return absl::StrCat(folder_, "/", kStateFileName); }

StateFile::Loaded StateFile::Load() const {
  absl::StatusOr<State> state = Read(path());
  if (state.ok()) return {.state = *std::move(state)};
  const absl::StatusOr<std::string> aside = SetAside(path());
  return {.warning = absl::StrCat(
              "the changes made by the command line were lost: ", state.status().message(), "; ",
              aside.ok() ? absl::StrCat("it is now ", *aside) : aside.status().message())};
}

absl::Status StateFile::Save(const State& state) const {
  absl::Status saved = MakeDirectories(folder_, kStateFolderMode);
  if (saved.ok() && !Read(path()).ok()) saved = SetAside(path()).status();
  if (saved.ok()) saved = WriteFile(path(), FormatState(state), kStateFileMode);
  if (saved.ok()) return saved;
  return absl::ResourceExhaustedError(
      absl::StrCat("nothing was changed, since it could not be kept: ", saved.message()));
}

}  // namespace koi
