// SPDX-License-Identifier: Apache-2.0
// Text helpers. The packaged Abseil has its own string_view, which takes no std::string_view:
// View() converts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/string_view.h"

namespace koi {

inline absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view StdView(absl::string_view text) { return {text.data(), text.size()}; }

// The text in a fixed field of a map, up to its first NUL.
template <size_t kBytes>
std::string FromField(const char (&field)[kBytes]) {
  const absl::string_view all(field, kBytes);
  return std::string(all.substr(0, all.find('\0')));
}

// Puts `text` in a fixed field, cut so that a NUL follows, the rest zero.
template <size_t kBytes>
void ToField(absl::string_view text, char (&field)[kBytes]) {
  for (size_t i = 0; i < kBytes; ++i) field[i] = i < text.size() && i + 1 < kBytes ? text[i] : '\0';
}

// The length of the character that `text`, not empty, begins with; 0 when that is not UTF-8.
size_t Utf8Bytes(absl::string_view text);

// The one of `candidates` that `word` was probably meant to be, or "" when none is near: for "did
// you mean". Case does not count.
std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace koi
