// SPDX-License-Identifier: Apache-2.0
// What differs between two configurations, in the configuration's own words. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace koi {

struct KeyChange {
  std::string key = {};
  std::string before = {};  // "" where there was none; a secret is "(secret)", never itself
  std::string after = {};
};

struct ConfigChange {
  enum class Kind { kAdded, kRemoved, kChanged };
  Kind kind = Kind::kChanged;
  std::string noun = {};             // "node", "group", "VIP", "service", "pool", "backend", ...
  std::string name = {};             // "web", of a backend "web/web-1"; "" of what there is once
  std::vector<KeyChange> keys = {};  // of one that stays: what changed; else all that it says

  // "+ VIP 10.0.0.2: group 42", "- service web", "~ backend web/web-1: weight 100 -> 50".
  std::string ToString() const;
};

// By noun, and then as the configurations have them. Positions and numbers do not count.
std::vector<ConfigChange> DiffConfigs(const Config& before, const Config& after);

// Those among `changes` that a running node cannot make: "node.interface eth0 -> eth1".
std::vector<std::string> ChangesNeedingRestart(const std::vector<ConfigChange>& changes);

}  // namespace koi
