// SPDX-License-Identifier: Apache-2.0
// When a row of check results makes a backend up or down. Pure.
#pragma once

#include <cstdint>

#include "dataplane/backend_map.h"

namespace koi {

// The first result decides alone: a backend of unknown health gets no traffic, so waiting would
// help nobody. From then on `rise` successes in a row bring it up and `fall` failures in a row take
// it down.
class RiseFall {
 public:
  RiseFall(uint32_t rise, uint32_t fall, BackendHealth known = BackendHealth::kUnknown)
      : rise_(rise), fall_(fall), health_(known) {}

  BackendHealth health() const { return health_; }
  // Returns the health after this result.
  BackendHealth Succeeded();
  BackendHealth Failed();

 private:
  BackendHealth Result(BackendHealth towards, uint32_t needed);

  uint32_t rise_;
  uint32_t fall_;
  BackendHealth health_;
  uint32_t against_ = 0;  // results in a row that speak against `health_`
};

}  // namespace koi
