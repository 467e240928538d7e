// SPDX-License-Identifier: Apache-2.0
// An Ethernet address.
#pragma once

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace koi {

using MacAddress = std::array<uint8_t, 6>;

constexpr MacAddress kBroadcastMac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// The six bytes as they travel. Valid as long as `mac`.
inline absl::string_view MacBytes(const MacAddress& mac) {
  return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

}  // namespace koi
