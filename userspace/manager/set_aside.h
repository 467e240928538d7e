// SPDX-License-Identifier: Apache-2.0
// What becomes of a file that koi keeps and can no longer use.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace koi {

// Renames `path` to the first free PATH.broken-N, so that nothing writes over what somebody may
// want to read. The new name; ResourceExhausted when there are too many.
absl::StatusOr<std::string> SetAside(const std::string& path);

}  // namespace koi
