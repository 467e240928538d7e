// SPDX-License-Identifier: Apache-2.0
// Reaching into another process for the listener it accepts from.
#pragma once

#include "base/fd.h"
#include "dataplane/steering_maps.h"

namespace koi::lab {

// A descriptor of the listening TCP socket of `family` that process `pid` holds; invalid when it
// holds none. Only root may ask.
Fd ListenerOf(int pid, ListenerFamily family);

}  // namespace koi::lab
