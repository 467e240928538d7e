// SPDX-License-Identifier: Apache-2.0
// Statistics as metrics for Prometheus. Labels come from the configuration alone: no client can add
// a series.
#pragma once

#include <string>

#include "protocol/control_messages.h"

namespace koi {

std::string PrometheusText(const Stats& stats);

}  // namespace koi
