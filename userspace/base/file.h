// SPDX-License-Identifier: Apache-2.0
// Whole small files.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace koi {

// The whole of `path`. NotFound, PermissionDenied, ... as open(2) says; InvalidArgument, at once,
// for a FIFO or anything else that is no ordinary file; ResourceExhausted above `limit_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit_bytes = 1 << 20);

// Replaces `path` by `content` in one step that lasts: written aside, synced, renamed. Where it
// fails, `path` is what it was.
absl::Status WriteFile(const std::string& path, absl::string_view content, int mode = 0644);

// mkdir -p. Existing directories keep their mode.
absl::Status MakeDirectories(const std::string& path, int mode = 0755);

}  // namespace koi
