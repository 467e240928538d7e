// SPDX-License-Identifier: Apache-2.0
// koi deny: list, add, remove, import.
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "cli/json.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"
#include "config/deny_list.h"

namespace koi {
namespace {

constexpr size_t kMaxImportBytes = 32 << 20;

// InvalidArgument for the first argument that is no prefix.
absl::StatusOr<DenyOrder> OrderOf(const std::vector<std::string>& arguments) {
  DenyOrder order;
  for (const std::string& argument : arguments) {
    KOI_ASSIGN_OR_RETURN(const Prefix prefix, Prefix::Parse(argument));
    order.prefixes.push_back(prefix);
  }
  return order;
}

std::string Prefixes(uint64_t count) {
  return absl::StrCat(count, count == 1 ? " prefix" : " prefixes");
}

// Says what was done. Each change is of this host alone: the peer host is not told.
ExitCode Report(const Invocation& invocation, const DenyReport& report) {
  if (invocation.json) {
    invocation.out << EncodeJson(report) << '\n';
  } else {
    invocation.out << Prefixes(report.added) << " added, " << report.removed << " removed, ";
    if (report.unchanged > 0) invocation.out << report.unchanged << " denied already, ";
    invocation.out << report.denied << " denied now\n";
  }
  invocation.talk << "This change was made on this host only.\n";
  return kExitOk;
}

std::string Since(const DenyEntry& entry) {
  if (entry.since_s == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(entry.since_s),
                          absl::UTCTimeZone());
}

}  // namespace

absl::StatusOr<ExitCode> ListDenied(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const std::string json, ManagerClient(invocation.socket).DeniedJson());
  if (invocation.json) {
    KOI_ASSIGN_OR_RETURN(const std::string text, IndentedJson(json));
    invocation.out << text;
    return kExitOk;
  }
  KOI_ASSIGN_OR_RETURN(const DenyListing listing, DecodeDenyListing(json));
  Table table({"PREFIX", "SINCE"});
  for (const DenyEntry& entry : listing.denied) table.Add({entry.prefix.ToString(), Since(entry)});
  table.Print(invocation.out);
  return kExitOk;
}

absl::StatusOr<ExitCode> AddDenied(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const DenyOrder order, OrderOf(invocation.arguments));
  KOI_ASSIGN_OR_RETURN(const DenyReport report, ManagerClient(invocation.socket).AddDenied(order));
  return Report(invocation, report);
}

absl::StatusOr<ExitCode> RemoveDenied(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const DenyOrder order, OrderOf(invocation.arguments));
  KOI_ASSIGN_OR_RETURN(const DenyReport report,
                       ManagerClient(invocation.socket).RemoveDenied(order));
  return Report(invocation, report);
}

absl::StatusOr<ExitCode> ImportDenied(const Invocation& invocation) {
  const std::string& file = invocation.arguments[0];
  KOI_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxImportBytes));
  const DenyText parsed = ParseDenyText(file, text);
  for (const std::string& error : parsed.errors) invocation.talk << error << '\n';
  if (!parsed.errors.empty()) {
    invocation.talk << "koi: nothing was changed: correct the file first\n";
    return kExitConfigInvalid;
  }
  DenyOrder order{.replace = invocation.options.contains("--replace")};
  if (parsed.entries.empty() && !order.replace) {
    return absl::InvalidArgumentError(absl::StrCat(file, " names no prefix"));
  }
  order.prefixes.reserve(parsed.entries.size());
  for (const DenyEntry& entry : parsed.entries) order.prefixes.push_back(entry.prefix);
  KOI_ASSIGN_OR_RETURN(const DenyReport report, ManagerClient(invocation.socket).AddDenied(order));
  return Report(invocation, report);
}

}  // namespace koi
