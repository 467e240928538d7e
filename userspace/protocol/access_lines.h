// SPDX-License-Identifier: Apache-2.0
// Lines of the access log on their way from a koi-worker to koi-manager, through a pipe:
//
//   0x1e, the service's number in decimal digits, a space, a JSON object, a line feed
//
// Neither number nor object has a byte below 0x20: a reader that begins in the middle, after
// another one died, finds the next line by its first byte.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>

#include "absl/strings/string_view.h"

namespace koi {

constexpr char kAccessLineBegin = '\x1e';
constexpr size_t kMaxAccessPrefix = 12;
// In place of a service: the text is no object but how many lines could not be sent before.
constexpr uint32_t kAccessLinesLost = 0xffffffff;

// Writes what stands before the object to `out`, which has kMaxAccessPrefix bytes; returns its
// size.
inline size_t WriteAccessPrefix(uint32_t service, char* out) {
  out[0] = kAccessLineBegin;
  char* const end = std::to_chars(out + 1, out + kMaxAccessPrefix - 1, service).ptr;
  *end = ' ';
  return static_cast<size_t>(end - out) + 1;
}

struct AccessLine {
  uint32_t service = 0;
  absl::string_view text = {};  // the object, with its line feed
};

// Takes the next whole line off the front of `bytes`; nullopt: there is none, and what is left is
// the beginning of one. What belongs to no line is skipped.
inline std::optional<AccessLine> TakeAccessLine(absl::string_view& bytes) {
  for (;;) {
    const size_t begin = bytes.find(kAccessLineBegin);
    bytes.remove_prefix(begin == absl::string_view::npos ? bytes.size() : begin);
    const size_t end = bytes.find('\n');
    if (end == absl::string_view::npos) return std::nullopt;
    const absl::string_view line = bytes.substr(1, end);
    const size_t again = line.rfind(kAccessLineBegin);
    if (again != absl::string_view::npos) {  // cut short by another
      bytes.remove_prefix(1 + again);
      continue;
    }
    bytes.remove_prefix(end + 1);
    AccessLine taken;
    const auto number = std::from_chars(line.data(), line.data() + line.size(), taken.service);
    if (number.ec != std::errc() || *number.ptr != ' ') continue;
    taken.text = line.substr(static_cast<size_t>(number.ptr - line.data()) + 1);
    return taken;
  }
}

}  // namespace koi
