// SPDX-License-Identifier: Apache-2.0
// The page of a service that works, but has no backend yet.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace koi {

// HTML that says how to add a backend to `pool`, a name as configurations have it, on `node`.
std::string WelcomePage(absl::string_view pool, absl::string_view node);

}  // namespace koi
