// SPDX-License-Identifier: Apache-2.0
// What processes have used so far, as the kernel counts it.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace koi::bench {

// Nanoseconds on a CPU, user and system, of all threads of each. NotFound when a process is gone.
absl::StatusOr<std::vector<uint64_t>> CpuNanoseconds(const std::vector<int>& pids);

// Bytes in memory; pages that processes share are divided among them. NotFound as above.
absl::StatusOr<int64_t> PssBytes(const std::vector<int>& pids);

}  // namespace koi::bench
