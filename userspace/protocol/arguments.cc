// SPDX-License-Identifier: Apache-2.0
// Arguments as text, a NUL after each.
#include "protocol/arguments.h"

#include "absl/strings/str_split.h"
#include "base/sealed_file.h"
#include "base/status_macros.h"

namespace koi {

absl::StatusOr<Fd> PackArguments(const std::vector<std::string>& arguments) {
  std::string text;
  for (const std::string& argument : arguments) text.append(argument).push_back('\0');
  return SealBytes("koi-arguments", text);
}

absl::StatusOr<std::vector<std::string>> UnpackArguments(int fd) {
  KOI_ASSIGN_OR_RETURN(const std::string text, SealedBytes(fd));
  std::vector<std::string> arguments = absl::StrSplit(text, '\0');
  arguments.pop_back();  // nothing follows the last NUL
  return arguments;
}

}  // namespace koi
