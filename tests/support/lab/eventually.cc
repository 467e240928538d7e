// SPDX-License-Identifier: Apache-2.0
// The one place of the tests that lets time pass.
#include "support/lab/eventually.h"

#include <poll.h>

#include <cstdint>
#include <iostream>

namespace koi::lab {
namespace {

constexpr int kPauseMs = 10;

}  // namespace

bool Eventually(Duration limit, const std::function<bool()>& condition,
                absl::string_view measured) {
  const TimePoint start = Now();
  while (!condition()) {
    if (Now() - start >= limit) return false;
    poll(nullptr, 0, kPauseMs);
  }
  if (!measured.empty()) PrintMeasured(measured, ToMilliseconds(Now() - start), "ms");
  return true;
}

void PrintMeasured(absl::string_view name, int64_t value, absl::string_view unit) {
  std::cout << "measured " << name << ' ' << value << ' ' << unit << std::endl;
}

}  // namespace koi::lab
