// SPDX-License-Identifier: Apache-2.0
// Which backend of a pool has which slot of its ring (Maglev hashing: Eisenbud and others, NSDI
// 2016, section 3.4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace koi {

struct MaglevBackend {
  std::string name = {};  // unique
  uint32_t weight = 0;    // 0: it has no slot
  uint16_t number = 0;    // what the table says for it
};

// `slots` (a prime) numbers: each backend has its share of them by weight, to within what rounding
// costs, and a change of one backend changes few slots of the others. Who has a slot is a function
// of the set of names and weights alone, so that every host comes to the same; only the ratio of
// the weights matters. Empty where no backend has a weight.
std::vector<uint16_t> MaglevTable(std::vector<MaglevBackend> backends, uint32_t slots);

}  // namespace koi
