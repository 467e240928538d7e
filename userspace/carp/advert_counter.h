// SPDX-License-Identifier: Apache-2.0
// The 64-bit counter of adverts, as ucarp counts.
#pragma once

#include <cstdint>
#include <optional>

namespace koi {

// Random in each advert until a valid one of another host is received; from then on one more than
// the last counter seen or sent, wrapping.
class AdvertCounter {
 public:
  void Received(uint64_t counter) { last_ = counter; }

  // `random` is a fresh random number.
  uint64_t Next(uint64_t random) {
    if (!last_.has_value()) return random;
    return ++*last_;
  }

 private:
  std::optional<uint64_t> last_;
};

}  // namespace koi
