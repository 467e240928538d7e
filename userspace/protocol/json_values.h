// SPDX-License-Identifier: Apache-2.0
// How the values that messages share look in JSON. For protocol/*.cc alone: what they decode may be
// wrong in any way, so everything here throws nlohmann's exceptions, and Decode() below turns them
// into a Status.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/address.h"
#include "base/prefix.h"
#include "base/text.h"
#include "base/time.h"

namespace nlohmann {

// Of another namespace than to_json() below: durations are std::chrono's. Whole milliseconds.
template <>
struct adl_serializer<koi::Duration> {
  static void to_json(json& to, const koi::Duration& duration) {
    to = koi::ToMilliseconds(duration);
  }
  static void from_json(const json& from, koi::Duration& duration) {
    constexpr int64_t kYear = int64_t{365} * 24 * 3600 * 1000;
    const auto milliseconds = from.get<int64_t>();
    if (milliseconds < 0 || milliseconds > kYear) {
      throw nlohmann::json::out_of_range::create(499, "a duration is 0 to a year", nullptr);
    }
    duration = std::chrono::milliseconds(milliseconds);
  }
};

}  // namespace nlohmann

namespace koi {

using Json = nlohmann::json;

// nlohmann has no constructor for other_error outside itself; an out-of-range one says it as well.
[[noreturn]] inline void RefuseJson(const std::string& why) {
  throw nlohmann::json::out_of_range::create(499, why, nullptr);
}

inline void to_json(Json& json, const Address& address) { json = address.ToString(); }
inline void from_json(const Json& json, Address& address) {
  const absl::StatusOr<Address> parsed = Address::Parse(json.get<std::string>());
  if (!parsed.ok()) RefuseJson(std::string(parsed.status().message()));
  address = *parsed;
}

inline void to_json(Json& json, const Endpoint& endpoint) { json = endpoint.ToString(); }
inline void from_json(const Json& json, Endpoint& endpoint) {
  const absl::StatusOr<Endpoint> parsed = Endpoint::Parse(json.get<std::string>());
  if (!parsed.ok()) RefuseJson(std::string(parsed.status().message()));
  endpoint = *parsed;
}

inline void to_json(Json& json, const Prefix& prefix) { json = prefix.ToString(); }
inline void from_json(const Json& json, Prefix& prefix) {
  const absl::StatusOr<Prefix> parsed = Prefix::Parse(json.get<std::string>());
  if (!parsed.ok()) RefuseJson(std::string(parsed.status().message()));
  prefix = *parsed;
}

// `decode(json)` of the text, or InvalidArgument with what is wrong with it.
template <typename T, typename Decoder>
absl::StatusOr<T> Decode(absl::string_view what, absl::string_view text, Decoder decode) {
  try {
    return decode(Json::parse(text.begin(), text.end()));
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("not a ", what, ": ", error.what()));
  }
}

// Text that is not UTF-8 (a name from elsewhere) is replaced, never thrown about.
inline std::string ToText(const Json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace koi
