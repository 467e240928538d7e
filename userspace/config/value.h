// SPDX-License-Identifier: Apache-2.0
// One value of a configuration, converted to what its key takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/address.h"
#include "base/prefix.h"
#include "base/time.h"
#include "config/document.h"
#include "config/schema.h"

namespace koi {

struct PlacedEndpoint {
  Place place;
  Endpoint endpoint;
};

struct PlacedText {
  Place place;
  std::string text;
};

using ConfigValue =
    std::variant<std::string, int64_t, bool, Duration, Address, Endpoint,
                 std::vector<PlacedEndpoint>, std::vector<Prefix>, std::vector<PlacedText>>;

// The value of `key` in `node`; nothing when it is not what the key takes, which is then in
// `problems`.
std::optional<ConfigValue> ConvertValue(const ConfigKey& key, const Node& node, Problems& problems);

// The value that `key` has when it is absent; KOI_CHECKs that its default_value is not "".
ConfigValue DefaultValue(const ConfigKey& key);

// Whether `text` may be a DNS name as SNI has it: 1..253 letters, digits, "-", "_" and ".", and no
// address.
bool IsHostName(absl::string_view text);
// Whether `text` may name a service, pool or backend.
bool IsName(absl::string_view text);

// Whether `text` is the name of a host, or "*." and one, for all names below it.
bool IsServerName(absl::string_view text);

// "500ms", "2s", "1m", "1h".
absl::StatusOr<Duration> ParseDuration(absl::string_view text);

}  // namespace koi
