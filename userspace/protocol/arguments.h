// SPDX-License-Identifier: Apache-2.0
// koid's arguments on their way to koi-manager: in a descriptor, since everybody may read the
// command line of a process and one of them may be a password.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/fd.h"

namespace koi {

// A sealed file (base/sealed_file.h) of `arguments`.
absl::StatusOr<Fd> PackArguments(const std::vector<std::string>& arguments);

// What is in such a file.
absl::StatusOr<std::vector<std::string>> UnpackArguments(int fd);

}  // namespace koi
