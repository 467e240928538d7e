// SPDX-License-Identifier: Apache-2.0
// Unique and cheap.
#include "http/request_id.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace koi {
namespace {

struct RequestIdState {
  uint64_t process = 0;
  uint64_t count = 0;
};

RequestIdState RandomState() {
  RequestIdState state;
  KOI_CHECK(::getrandom(&state, sizeof(state), 0) == sizeof(state));
  return state;
}

// Each number gets another one, so that ids which follow each other do not look alike: the mixing
// function of SplitMix64.
uint64_t Scrambled(uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

}  // namespace

std::string MakeRequestId() {
  static RequestIdState state = RandomState();
  return absl::StrCat(absl::Hex(state.process, absl::kZeroPad16),
                      absl::Hex(Scrambled(++state.count), absl::kZeroPad16));
}

bool IsRequestId(absl::string_view text) {
  constexpr size_t kMostBytes = 128;
  return !text.empty() && text.size() <= kMostBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace koi
