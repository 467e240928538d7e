// SPDX-License-Identifier: Apache-2.0
// What a manager begins with: what the one before it had applied; else the configuration on disk
// and the changes that the CLI made to it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "manager/config_sources.h"
#include "manager/desired.h"
#include "protocol/keeper_messages.h"

namespace koi {

struct Beginning {
  Desired desired = {};
  std::vector<std::string> warnings = {};  // for `koi status`
};

struct BeginningResult {
  std::optional<Beginning> beginning = std::nullopt;
  ExitCode exit_code = kExitOk;  // without a beginning: why, which is in the log
};

// `held` is what the keeper holds. A crash is not a reload: with a snapshot in it nothing is read
// from disk but state.toml. `progress` is called before each file of a certificate is read.
BeginningResult Begin(const ConfigSources& sources, const std::map<std::string, Fd>& held,
                      const std::function<void()>& progress);

}  // namespace koi
