// SPDX-License-Identifier: Apache-2.0
// Frames as people read them: one line a layer and field.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace koi {

// "ipv4.destination 10.0.0.1", ... Never fails: what ends too early or is unknown is shown as
// bytes.
std::vector<std::string> DecodeLines(absl::string_view frame);

// The lines, indented.
std::string Decoded(absl::string_view frame);

// Both frames, line by line; lines that differ are marked: "- expected", "+ actual".
std::string DecodedDifference(absl::string_view expected, absl::string_view actual);

}  // namespace koi
