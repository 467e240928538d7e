// SPDX-License-Identifier: Apache-2.0
// What a worker may do: it reads whatever the internet sends, so as little as possible.
#pragma once

#include "absl/status/status.h"

namespace koi {

// FailedPrecondition when this process is root or holds a capability.
absl::Status CheckUnprivileged();

// Leaves this process, for good, the system calls that moving bytes over TCP takes. Another one
// kills it. No file can be opened, no program run, no memory made executable.
absl::Status EnterSandbox();

}  // namespace koi
