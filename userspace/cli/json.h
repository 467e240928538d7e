// SPDX-License-Identifier: Apache-2.0
// JSON for programs, where protocol/ has no message for it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/doctor/finding.h"
#include "config/load.h"

namespace koi {

// The member `name` of the object `json`, indented; InvalidArgument when there is none. With `only`
// not "": of that member, a list, the items whose "name" is `only`.
absl::StatusOr<std::string> JsonMember(absl::string_view json, const std::string& name,
                                       const std::string& only = "");

// `json`, indented.
absl::StatusOr<std::string> IndentedJson(absl::string_view json);

// {"valid", "errors": [{"file", "line", "column", "message"}], "warnings": [...]}.
std::string CheckJson(const ConfigResult& result);

// What `koi cleanup` did, or would do.
struct CleanupReport {
  struct Item {
    std::string kind;
    std::string name;
  };
  bool dry_run = false;
  std::vector<Item> removed = {};
  std::vector<Item> failed = {};
};

// {"dry_run", "removed": [{"kind", "name"}], "failed": [...]}.
std::string CleanupJson(const CleanupReport& report);

// {"problems", "warnings", "findings": [{"severity", "area", "what", "repair"}]}.
std::string DoctorJson(const Findings& findings);

std::string HealthJson(bool well, absl::string_view why);

std::string VersionJson(absl::string_view version);

}  // namespace koi
