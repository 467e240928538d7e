// SPDX-License-Identifier: Apache-2.0
// How histograms and responses by class look in JSON. For protocol/*.cc alone.
#pragma once

#include "absl/strings/str_cat.h"
#include "protocol/json_values.h"
#include "protocol/traffic_stats.h"

namespace koi {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LatencyStats, count, sum_us, buckets)

// {"1xx": n, ... "5xx": n}
inline void to_json(Json& json, const ResponseStats& responses) {
  json = Json::object();
  for (size_t i = 0; i < responses.by_class.size(); ++i) {
    json[absl::StrCat(i + 1, "xx")] = responses.by_class[i];
  }
}
inline void from_json(const Json& json, ResponseStats& responses) {
  for (size_t i = 0; i < responses.by_class.size(); ++i) {
    json.at(absl::StrCat(i + 1, "xx")).get_to(responses.by_class[i]);
  }
}

}  // namespace koi
