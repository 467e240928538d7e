// SPDX-License-Identifier: Apache-2.0
// Looks at this host for `koi doctor`. Changes nothing; what cannot be found out is left out.
#pragma once

#include <optional>
#include <string>

#include "cli/doctor/host_facts.h"

namespace koi {

struct DoctorQuestion {
  std::string config_path = {};
  std::string interface = {};  // in place of the configuration's; ""
  std::string socket = {};     // of koi-manager
};

HostFacts GatherFacts(const DoctorQuestion& question);

}  // namespace koi
