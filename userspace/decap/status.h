// SPDX-License-Identifier: Apache-2.0
// koi-decap status: what the koi_decap of each interface counted.
#pragma once

#include <ostream>
#include <string>

#include "absl/status/status.h"

namespace koi {

// Where a running koi-decap keeps its figures below its directory.
std::string DecapFiguresPin(const std::string& directory);

// A table for every interface that one runs on. NotFound where none does.
absl::Status PrintDecapStatus(const std::string& bpffs, std::ostream& out);

}  // namespace koi
