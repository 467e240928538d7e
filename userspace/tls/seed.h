// SPDX-License-Identifier: Apache-2.0
// Numbers that whoever has a secret knows, and nobody else.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace koi {

// The same for the same secret on every host; tells nothing of it.
uint64_t SeedFrom(absl::string_view secret);

}  // namespace koi
