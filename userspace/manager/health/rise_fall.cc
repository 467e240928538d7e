// SPDX-License-Identifier: Apache-2.0
// Counting results in a row.
#include "manager/health/rise_fall.h"

namespace koi {

BackendHealth RiseFall::Succeeded() { return Result(BackendHealth::kUp, rise_); }
BackendHealth RiseFall::Failed() { return Result(BackendHealth::kDown, fall_); }

BackendHealth RiseFall::Result(BackendHealth towards, uint32_t needed) {
  if (health_ == towards) {
    against_ = 0;
  } else if (health_ == BackendHealth::kUnknown || ++against_ >= needed) {
    health_ = towards;
    against_ = 0;
  }
  return health_;
}

}  // namespace koi
