// SPDX-License-Identifier: Apache-2.0
// A worker's listener, as the keeper handed it over.
#pragma once

#include "base/fd.h"
#include "dataplane/steering_maps.h"

namespace koi {

struct WorkerListener {
  int cpu = 0;
  ListenerFamily family = ListenerFamily::kIp4;
  Fd fd;
};

}  // namespace koi
