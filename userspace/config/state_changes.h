// SPDX-License-Identifier: Apache-2.0
// The CLI's changes and the configuration as one: pure functions from both to what should be.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "config/config.h"
#include "config/state.h"

namespace koi {

struct AppliedState {
  Config config = {};                     // the file's, changed
  State state = {};                       // the changes that still mean something
  std::vector<std::string> dropped = {};  // the others, a sentence each
};

// Puts the changes of `state` into the configuration of the file. A change is dropped where there
// is nothing left to change or the file says the same by now.
AppliedState ApplyState(const State& state, const Config& file);

// Each: `state` with one change more, one revision later; as it was where that changes nothing.
// NotFound names the pools or backends there are, with the nearest. AlreadyExists when the pool has
// the name or the address, InvalidArgument for values that a file could not have either,
// ResourceExhausted when there is no room for another backend.
absl::StatusOr<State> WithAdded(const State& state, const Config& file, AddedBackend backend);
absl::StatusOr<State> WithRemoved(const State& state, const Config& file, NotedBackend backend);
absl::StatusOr<State> WithDraining(const State& state, const Config& file, NotedBackend backend);
absl::StatusOr<State> WithoutDraining(const State& state, const Config& file, NotedBackend backend);
absl::StatusOr<State> WithWeight(const State& state, const Config& file, WeightedBackend backend);

}  // namespace koi
