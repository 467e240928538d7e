// SPDX-License-Identifier: Apache-2.0
// The coarse clock, and durations as text.
#include "base/time.h"

#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace koi {

TimePoint CoarseNow() {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return TimePoint(std::chrono::seconds(now.tv_sec) + Duration(now.tv_nsec));
}

std::string FormatDuration(Duration duration) {
  const int64_t ms = ToMilliseconds(duration);
  if (ms < 1000) return absl::StrCat(ms, "ms");
  if (ms < 60'000) return absl::StrFormat("%d.%ds", ms / 1000, ms % 1000 / 100);
  const int64_t seconds = ms / 1000;
  if (seconds < 3600) return absl::StrFormat("%dm%ds", seconds / 60, seconds % 60);
  if (seconds < 86'400) return absl::StrFormat("%dh%dm", seconds / 3600, seconds % 3600 / 60);
  return absl::StrFormat("%dd%dh", seconds / 86'400, seconds % 86'400 / 3600);
}

}  // namespace koi
