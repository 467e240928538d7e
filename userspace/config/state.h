// SPDX-License-Identifier: Apache-2.0
// What the CLI changed on this host, as state.toml in node.state keeps it: desired state is the
// configuration with these changes in it (config/state_changes.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "config/error.h"

namespace koi {

constexpr char kStateFileName[] = "state.toml";
constexpr size_t kMaxReasonBytes = 200;

struct StateNote {
  std::string by = {};   // "root", "uid 1000"
  std::string at = {};   // UTC, RFC 3339
  std::string why = {};  // what who did it gave as the reason, or the command

  bool operator==(const StateNote&) const = default;
};

struct AddedBackend {
  std::string pool = {};
  std::string name = {};
  Endpoint endpoint = {};
  uint32_t weight = 100;
  StateNote note = {};

  bool operator==(const AddedBackend&) const = default;
};

// A backend that is removed or draining: the list that it is in says which.
struct NotedBackend {
  std::string pool = {};
  std::string name = {};
  StateNote note = {};

  bool operator==(const NotedBackend&) const = default;
};

// A backend whose weight is another one than the file says.
struct WeightedBackend {
  std::string pool = {};
  std::string name = {};
  uint32_t weight = 100;
  StateNote note = {};

  bool operator==(const WeightedBackend&) const = default;
};

struct State {
  int64_t revision = 0;  // one more with each change
  std::vector<AddedBackend> added = {};
  std::vector<NotedBackend> removed = {};      // although the file has them
  std::vector<NotedBackend> draining = {};     // of the file or added
  std::vector<WeightedBackend> weighted = {};  // of the file or added

  bool operator==(const State&) const = default;
};

struct StateResult {
  std::optional<State> state = std::nullopt;  // only without errors
  std::vector<ConfigError> errors = {};
};

// Reads state.toml. A file that was cut short, between two changes too, is an error.
StateResult ParseState(const ConfigSource& source);

// The text of state.toml: ParseState() reads the same from it. All texts in `state` are UTF-8.
std::string FormatState(const State& state);

}  // namespace koi
