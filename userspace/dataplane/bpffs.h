// SPDX-License-Identifier: Apache-2.0
// The directory that koi pins its maps and links in, and the bpffs below it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"

namespace koi {

// Makes sure `directory` exists (0700) on a bpffs; where its parent is no bpffs, one is mounted on
// the first existing parent that may be (needs SYS_ADMIN).
absl::Status PrepareBpffs(const std::string& directory);

// Whether `directory`, or the nearest of its parents that exists, is on a bpffs.
bool IsOnBpffs(const std::string& directory);

// Takes `directory`, which must exist, for this process and whoever it gives the descriptor to: it
// is free again when the last of them has closed it. AlreadyExists when another koi has it.
absl::StatusOr<Fd> LockPins(const std::string& directory);

// What is pinned below `directory`; nothing where that is absent or on no bpffs.
std::vector<std::string> ListPins(const std::string& directory);

// Removes everything koi pinned below `directory`, and the directory. Absent is fine.
absl::Status RemovePins(const std::string& directory);

// Where the bpffs of `directory` is mounted, if koi mounted it and it holds nothing besides
// `directory`; else "".
std::string OwnBpffsMount(const std::string& directory);
absl::Status UnmountBpffs(const std::string& mount);

}  // namespace koi
