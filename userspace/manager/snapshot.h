// SPDX-License-Identifier: Apache-2.0
// What was last applied, in a sealed memory file that the keeper holds: a manager that follows one
// that crashed starts from it, not from files that somebody may be editing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "config/config.h"
#include "config/error.h"
#include "config/state.h"
#include "manager/desired.h"

namespace koi {

constexpr char kHeldApplied[] = "applied";
// The certificates of its services (manager/certificate_loader.h).
constexpr char kHeldCertificates[] = "certificates";

struct Snapshot {
  std::vector<ConfigSource> sources = {};
  std::map<std::string, std::string> files = {};
  State state = {};
  Config numbered = {};  // names and numbers alone, for AssignNumbers()
};

std::string EncodeSnapshot(const Desired& desired);
// DataLoss when it is not a whole one of this version.
absl::StatusOr<Snapshot> DecodeSnapshot(absl::string_view bytes);

}  // namespace koi
