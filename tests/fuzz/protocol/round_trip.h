// SPDX-License-Identifier: Apache-2.0
// What any decoder of messages must do with any bytes.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "base/check.h"

namespace koi {

// Bytes are refused with a reason, or what was read from them is written, read and written alike.
template <typename Decode, typename Encode>
void CheckRoundTrip(absl::string_view bytes, Decode decode, Encode encode) {
  const auto decoded = decode(bytes);
  if (!decoded.ok()) {
    KOI_CHECK(!decoded.status().message().empty());
    return;
  }
  const std::string written = encode(*decoded);
  const auto again = decode(written);
  KOI_CHECK(again.ok());
  KOI_CHECK(encode(*again) == written);
}

}  // namespace koi
