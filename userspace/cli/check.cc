// SPDX-License-Identifier: Apache-2.0
// koi check: the configuration, read by the code that koi-manager reads it with.
#include "absl/strings/str_cat.h"
#include "cli/json.h"
#include "cli/nouns.h"
#include "config/load.h"

namespace koi {
namespace {

std::string Count(size_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

std::string Summary(const Config& config) {
  size_t backends = 0;
  for (const PoolConfig& pool : config.pools) backends += pool.backends.size();
  return absl::StrCat(Count(config.vips.size(), "VIP"), ", ",
                      Count(config.services.size(), "service"), ", ",
                      Count(config.pools.size(), "pool"), ", ", Count(backends, "backend"));
}

}  // namespace

absl::StatusOr<ExitCode> CheckConfiguration(const Invocation& invocation) {
  std::vector<std::string> files;
  for (const std::string& argument : invocation.arguments) {
    for (std::string& file : ConfigFiles(argument)) files.push_back(std::move(file));
  }
  if (invocation.arguments.empty()) files = ConfigFiles();
  const ConfigResult result = LoadConfig(files);
  const bool valid = result.config.has_value();
  if (invocation.json) {
    invocation.out << CheckJson(result);
    return valid ? kExitOk : kExitConfigInvalid;
  }
  for (const ConfigError& error : result.errors) invocation.talk << error.ToString() << '\n';
  for (const std::string& warning : result.warnings) {
    invocation.talk << "warning: " << warning << '\n';
  }
  if (!valid) {
    invocation.talk << Count(result.errors.size(), "error") << '\n';
    return kExitConfigInvalid;
  }
  invocation.out << "valid: " << Summary(*result.config) << '\n';
  return kExitOk;
}

}  // namespace koi
