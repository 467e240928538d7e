// SPDX-License-Identifier: Apache-2.0
// Requests that two servers could read differently: what hides a second request from one of them.
#pragma once

#include <string>
#include <vector>

namespace koi {

// What every one of them hides, where it can: a server that sees two requests logs this path.
inline constexpr char kHiddenPath[] = "/hidden";

struct SmugglingInput {
  std::string name;
  std::string bytes;
  int status = 0;  // what koi refuses it with; 0: it is one request, and read to its last byte
};

const std::vector<SmugglingInput>& SmugglingInputs();

}  // namespace koi
