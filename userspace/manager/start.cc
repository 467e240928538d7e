// SPDX-License-Identifier: Apache-2.0
// The start of koi-manager: everything that may be wrong before it is a manager.
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "config/load.h"
#include "manager/manager.h"
#include "manager/service_loader.h"

namespace koi {
namespace {

// The configuration, or nothing after all of its errors were printed.
std::optional<Config> ReadConfig(const ConfigSources& sources) {
  ConfigResult result = sources.Load();
  if (!result.chosen.empty()) LogInfo(absl::StrCat("from the command line: ", result.chosen));
  for (const std::string& warning : result.warnings) LogWarn(warning);
  for (const ConfigError& error : result.errors)
    std::fprintf(stderr, "%s\n", error.ToString().c_str());
  if (!result.config.has_value()) {
    LogError("configuration invalid: not started",
             {{"path", sources.path()}, {"errors", result.errors.size()}});
  }
  return std::move(result.config);
}

absl::StatusOr<int> Run(Config config, std::vector<WorkerService> services) {
  KOI_ASSIGN_OR_RETURN(std::unique_ptr<EventLoop> loop, EventLoop::Create());
  KOI_ASSIGN_OR_RETURN(
      std::unique_ptr<Manager> manager,
      Manager::Create(*loop, std::move(config), std::move(services), Fd(kChildChannelFd)));
  return manager->Run();
}

}  // namespace

int RunManager(const ConfigSources& sources) {
  std::optional<Config> config = ReadConfig(sources);
  if (!config.has_value()) return kExitConfigInvalid;
  LoadedServices loaded = LoadServices(*config);
  for (const std::string& warning : loaded.warnings) LogWarn(warning);
  for (const std::string& error : loaded.errors) LogError(error);
  if (!loaded.errors.empty()) return kExitConfigInvalid;

  const absl::StatusOr<int> exit_code = Run(*std::move(config), std::move(loaded.services));
  if (exit_code.ok()) return *exit_code;
  LogError("cannot start", {{"why", exit_code.status().message()}});
  return kExitFailure;
}

}  // namespace koi
