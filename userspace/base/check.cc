// SPDX-License-Identifier: Apache-2.0
// The end of a process whose invariant broke.
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace koi {

void CheckFailed(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
  std::abort();
}

}  // namespace koi
