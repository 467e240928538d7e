// SPDX-License-Identifier: Apache-2.0
// koi doctor: what keeps koi from working, or from working well, on this host.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/doctor/checks.h"
#include "cli/doctor/gather.h"
#include "cli/json.h"
#include "cli/nouns.h"
#include "config/load.h"

namespace koi {
namespace {

std::string OptionOr(const Invocation& invocation, const std::string& name,
                     const std::string& otherwise) {
  const auto found = invocation.options.find(name);
  return found == invocation.options.end() ? otherwise : found->second;
}

size_t CountOf(const Findings& findings, Severity severity) {
  return static_cast<size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [severity](const Finding& finding) { return finding.severity == severity; }));
}

// "1 warning"
std::string Counted(size_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

void Print(const Findings& findings, std::ostream& out) {
  size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.area.size());
  constexpr size_t kSeverityWidth = 9;  // "warning" and two blanks
  for (const Finding& finding : findings) {
    const absl::string_view severity = SeverityName(finding.severity);
    out << severity << std::string(kSeverityWidth - severity.size(), ' ') << finding.area
        << std::string(width + 2 - finding.area.size(), ' ') << finding.what << '\n';
    if (finding.repair.empty()) continue;
    out << std::string(kSeverityWidth + width + 2, ' ') << "-> " << finding.repair << '\n';
  }
  out << '\n'
      << Counted(CountOf(findings, Severity::kProblem), "problem") << ", "
      << Counted(CountOf(findings, Severity::kWarning), "warning") << '\n';
}

}  // namespace

absl::StatusOr<ExitCode> Examine(const Invocation& invocation) {
  const HostFacts facts =
      GatherFacts({.config_path = OptionOr(invocation, "--config", kDefaultConfigPath),
                   .interface = OptionOr(invocation, "--interface", ""),
                   .socket = invocation.socket});
  const Findings findings = CheckAll(facts);
  if (invocation.json) {
    invocation.out << DoctorJson(findings);
  } else {
    Print(findings, invocation.out);
  }
  return CountOf(findings, Severity::kProblem) == 0 ? kExitOk : kExitFailure;
}

}  // namespace koi
