// SPDX-License-Identifier: Apache-2.0
// What `koi doctor` says about one thing.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace koi {

enum class Severity {
  kOk,
  kWarning,  // koi works, but less well, or not for everybody
  kProblem,  // koi does not work here, or will fail
};

// "ok", "warning", "problem".
inline absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kOk: return "ok";
    case Severity::kWarning: return "warning";
    case Severity::kProblem: return "problem";
  }
  return "";
}

struct Finding {
  Severity severity = Severity::kOk;
  std::string area = {};    // "MTU"
  std::string what = {};    // how it is and what that means, without a full stop
  std::string repair = {};  // what to type; ""
};

using Findings = std::vector<Finding>;

}  // namespace koi
