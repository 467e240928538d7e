// SPDX-License-Identifier: Apache-2.0
// What real CARP senders put on the wire: tests/data/carp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "config/config.h"

namespace koi {

// One advert whose key is known: captured from ucarp, or derived by the rules of the BSDs.
struct AdvertVector {
  std::string kind;
  std::string password;
  uint8_t vhid = 0;
  std::vector<Address> vips;
  CarpHash hash = CarpHash::kFirst;
  uint8_t advbase = 0;
  uint8_t advskew = 0;
  uint64_t counter = 0;
  std::string carp;   // 36 bytes
  std::string frame;  // of captured ones
};

std::vector<AdvertVector> AdvertVectors();

// The frames of the capture, in order.
std::vector<std::string> CapturedFrames();

Address Addr(const std::string& text);

}  // namespace koi
