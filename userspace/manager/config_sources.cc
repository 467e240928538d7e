// SPDX-License-Identifier: Apache-2.0
// Reading the sources of the configuration.
#include "manager/config_sources.h"

#include <optional>
#include <utility>

namespace koi {

ConfigTexts ConfigSources::Read() const { return ReadConfigFiles(ConfigFiles(path_)); }

ConfigResult ConfigSources::Load() const {
  ConfigTexts texts = Read();
  ConfigResult result{.config = std::nullopt, .errors = std::move(texts.errors), .warnings = {}};
  if (result.errors.empty()) result = ParseConfig(texts.sources, ReadNamedFile);
  result.warnings.insert(result.warnings.begin(), texts.warnings.begin(), texts.warnings.end());
  return result;
}

}  // namespace koi
