// SPDX-License-Identifier: Apache-2.0
// What workers are told of each pool: the configuration with the texts of its files.
#pragma once

#include <string>
#include <vector>

#include "config/build.h"
#include "config/config.h"
#include "protocol/worker_messages.h"

namespace koi {

struct LoadedPools {
  std::vector<WorkerPool> pools;    // all of the configuration's, in its order
  std::vector<std::string> errors;  // sentences; with any, the pools must not be used
  std::vector<std::string> warnings;
};

// Has the files that the pools of `config` name read by `read`, and makes sure that they can be
// used. Tells all that is wrong.
LoadedPools LoadPools(const Config& config, const ConfigFileReader& read);

}  // namespace koi
