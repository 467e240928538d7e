// SPDX-License-Identifier: Apache-2.0
// Broken invariants: the process says where and dies; whoever started it starts another and counts.
#pragma once

namespace koi {

[[noreturn]] void CheckFailed(const char* file, int line, const char* what);

}  // namespace koi

#define KOI_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::koi::CheckFailed(__FILE__, __LINE__, #condition))
#define KOI_UNREACHABLE() ::koi::CheckFailed(__FILE__, __LINE__, "unreachable")
