// SPDX-License-Identifier: Apache-2.0
// Headers behind a chunked body.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace koi {

// Appends those of `trailers` (BodyDecoder::trailers()) that may stand there, anew, and the empty
// line. RFC 9110 6.5.1 names what may not: whatever says how a message is to be read, routed,
// authorized or answered would mean something else behind the body than in front of it.
void WriteTrailers(absl::string_view trailers, std::string& out);

}  // namespace koi
