// SPDX-License-Identifier: Apache-2.0
// koi reload, koi diff.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"

namespace koi {
namespace {

std::string Count(size_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

// What changes, a line each.
void PrintChanges(const ReloadReport& report, std::ostream& out) {
  for (const ConfigChange& change : report.changes) out << change.ToString() << '\n';
  for (const std::string& service : report.certificates) {
    out << "~ certificate of service " << service << '\n';
  }
  for (const std::string& dropped : report.dropped) out << "! " << dropped << '\n';
}

// Why there is or would be no reload; kExitOk where nothing stands against it.
ExitCode PrintRefusal(const ReloadReport& report, std::ostream& talk) {
  for (const ConfigError& error : report.errors) talk << error.ToString() << '\n';
  for (const std::string& warning : report.warnings) talk << "warning: " << warning << '\n';
  if (report.outcome == ReloadReport::Outcome::kInvalid) {
    talk << Count(report.errors.size(), "error") << ": koi goes on with what runs\n";
    return kExitConfigInvalid;
  }
  if (report.outcome == ReloadReport::Outcome::kNeedsRestart) {
    talk << "needs a restart of koid: " << absl::StrJoin(report.needs_restart, ", ")
         << "; until then nothing of it is changed\n";
    return kExitRefused;
  }
  return kExitOk;
}

void PrintCliChanges(const std::vector<CliChange>& changes, std::ostream& out) {
  Table table({"CHANGE", "POOL", "BACKEND", "ADDRESS", "BY", "AT", "WHY"});
  for (const CliChange& change : changes) {
    table.Add({change.change, change.pool, change.name, change.address, change.by, change.at,
               change.why});
  }
  table.Print(out);
}

}  // namespace

absl::StatusOr<ExitCode> ReloadConfiguration(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const ReloadReport report, ManagerClient(invocation.socket).Reload());
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string text, IndentedJson(EncodeJson(report)));
    invocation.out << text;
  } else if (report.outcome == ReloadReport::Outcome::kApplied) {
    PrintChanges(report, invocation.out);
  } else if (report.outcome == ReloadReport::Outcome::kUnchanged) {
    invocation.out << "nothing to change\n";
  }
  return PrintRefusal(report, invocation.talk);
}

absl::StatusOr<ExitCode> ShowDiff(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const DiffReport diff, ManagerClient(invocation.socket).CollectDiff());
  const bool valid = diff.reload.outcome != ReloadReport::Outcome::kInvalid;
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string text, IndentedJson(EncodeJson(diff)));
    invocation.out << text;
    return valid ? kExitOk : kExitConfigInvalid;
  }
  if (diff.reload.outcome == ReloadReport::Outcome::kUnchanged) {
    invocation.out << "A reload would change nothing.\n";
  } else if (valid) {
    invocation.out << "A reload would change:\n";
    PrintChanges(diff.reload, invocation.out);
  }
  if (!diff.cli.empty()) {
    invocation.out << "\nChanged by koi backend on this host:\n";
    PrintCliChanges(diff.cli, invocation.out);
  }
  // That a reload would be refused is no failure of a question.
  (void)PrintRefusal(diff.reload, invocation.talk);
  return valid ? kExitOk : kExitConfigInvalid;
}

}  // namespace koi
