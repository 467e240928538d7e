// SPDX-License-Identifier: Apache-2.0
// The one file of cli/ that includes nlohmann-json.
#include "cli/json.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace koi {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kIndentation = 2;

// What cannot be shown as UTF-8 is replaced, never thrown about.
std::string Text(const Json& json) {
  return json.dump(kIndentation, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<Json> Parse(absl::string_view json) {
  Json parsed = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return absl::InvalidArgumentError("koi-manager's answer is not JSON");
  return parsed;
}

}  // namespace

absl::StatusOr<std::string> JsonMember(absl::string_view json, const std::string& name,
                                       const std::string& only) {
  KOI_ASSIGN_OR_RETURN(const Json parsed, Parse(json));
  if (!parsed.is_object() || !parsed.contains(name)) {
    return absl::InvalidArgumentError(absl::StrCat("koi-manager's answer has no \"", name, "\""));
  }
  const Json& member = parsed[name];
  if (only.empty()) return Text(member);
  Json chosen = Json::array();
  for (const Json& item : member) {
    if (item.is_object() && item.contains("name") && item["name"] == only) chosen.push_back(item);
  }
  return Text(chosen);
}

absl::StatusOr<std::string> IndentedJson(absl::string_view json) {
  KOI_ASSIGN_OR_RETURN(const Json parsed, Parse(json));
  return Text(parsed);
}

std::string CheckJson(const ConfigResult& result) {
  Json errors = Json::array();
  for (const ConfigError& error : result.errors) {
    errors.push_back({{"file", error.file},
                      {"line", error.line},
                      {"column", error.column},
                      {"message", error.message}});
  }
  return Text({{"valid", result.config.has_value()},
               {"errors", std::move(errors)},
               {"warnings", result.warnings}});
}

std::string CleanupJson(const CleanupReport& report) {
  const auto list = [](const std::vector<CleanupReport::Item>& items) {
    Json all = Json::array();
    for (const CleanupReport::Item& item : items) {
      all.push_back({{"kind", item.kind}, {"name", item.name}});
    }
    return all;
  };
  return Text({{"dry_run", report.dry_run},
               {"removed", list(report.removed)},
               {"failed", list(report.failed)}});
}

std::string DoctorJson(const Findings& findings) {
  Json list = Json::array();
  size_t problems = 0;
  size_t warnings = 0;
  for (const Finding& finding : findings) {
    problems += finding.severity == Severity::kProblem;
    warnings += finding.severity == Severity::kWarning;
    list.push_back({{"severity", std::string(SeverityName(finding.severity))},
                    {"area", finding.area},
                    {"what", finding.what},
                    {"repair", finding.repair}});
  }
  return Text({{"problems", problems}, {"warnings", warnings}, {"findings", std::move(list)}});
}

std::string HealthJson(bool well, absl::string_view why) {
  return Text({{"well", well}, {"why", std::string(why)}});
}

std::string VersionJson(absl::string_view version) {
  return Text({{"version", std::string(version)}});
}

}  // namespace koi
