// SPDX-License-Identifier: Apache-2.0
// state.toml on disk (config/state.h is what stands in it).
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "config/state.h"

namespace koi {

class StateFile {
 public:
  explicit StateFile(const std::string& folder) : folder_(folder) {}

  struct Loaded {
    std::optional<State> state = std::nullopt;  // nullopt: there is none that can be used
    std::string warning = {};                   // a sentence: why not, and where it is now
  };
  // A file that cannot be used is renamed to state.toml.broken-N, so that nothing writes over what
  // somebody may want to read. Where that cannot be done either, it stays and the warning says so.
  Loaded Load() const;

  // Replaces the file; one that cannot be used is set aside first, as Load() does.
  // ResourceExhausted, whatever the reason, when the state cannot be kept: then it must not be made
  // true either.
  absl::Status Save(const State& state) const;

  std::string path() const;

 private:
  std::string folder_;
};

}  // namespace koi
