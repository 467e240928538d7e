// SPDX-License-Identifier: Apache-2.0
// Reading a configuration: the one way in, for koi-manager and `koi check` alike.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/build.h"
#include "config/config.h"
#include "config/error.h"

namespace koi {

// The folder of the configuration, unless a command line says otherwise.
constexpr char kDefaultConfigPath[] = "/etc/koi";

struct ConfigResult {
  std::optional<Config> config;     // only without errors
  std::vector<ConfigError> errors;  // all that could be found, in the order of the text
  std::vector<std::string> warnings;
};

// The files that make up the configuration at `path`: a file is one alone; of a folder they are
// its koi.toml, whether that exists or not, and its conf.d/*.toml in the order of their names.
std::vector<std::string> ConfigFiles(const std::string& path = kDefaultConfigPath);

// The texts of a configuration, before they are parsed; with errors it must not be used.
struct ConfigTexts {
  std::vector<ConfigSource> sources = {};
  std::vector<ConfigError> errors = {};
  std::vector<std::string> warnings = {};
  std::string chosen = {};  // what koi decided itself, one line to be logged at the start; or ""
};

// The texts of `files` as they are now; an error for each that cannot be read.
ConfigTexts ReadConfigFiles(const std::vector<std::string>& files);

// Reads a file that a configuration names: the reader for ParseConfig(). What is no regular file is
// refused.
absl::StatusOr<std::string> ReadNamedFile(const std::string& path);

// Reads `files` as one configuration. Files that it names are read too, except certificates and
// their keys, which are named only. For people who ask: what this user may not read of those is a
// warning, and its password is missing in the Config.
ConfigResult LoadConfig(const std::vector<std::string>& files);

// The same from texts; what they name is read by `read_file`.
ConfigResult ParseConfig(const std::vector<ConfigSource>& sources,
                         const ConfigFileReader& read_file, Secrets secrets = Secrets::kRequired);

}  // namespace koi
