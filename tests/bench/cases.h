// SPDX-License-Identifier: Apache-2.0
// What is measured of each proxy.
#pragma once

#include <vector>

#include "bench/load_plan.h"
#include "bench/proxy.h"

namespace koi::bench {

struct Case {
  const char* key;    // in the JSON
  const char* title;  // in the table
  Offer offer;
  const char* baseline;  // the proxy that the others are compared with
  LoadPlan plan;
};

const std::vector<Case>& Cases();

// `plan` made smaller for a quick look, never to nothing; or larger.
LoadPlan Scaled(LoadPlan plan, double scale);

}  // namespace koi::bench
