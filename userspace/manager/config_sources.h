// SPDX-License-Identifier: Apache-2.0
// Where this host's configuration comes from: koid's arguments and environment, and its files. They
// are read at the start and again at each reload, always all of them.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace koi {

class ConfigSources {
 public:
  // `path`: a file, or a folder as ConfigFiles() reads one. `arguments`: koid's positional ones, as
  // they were typed.
  ConfigSources(std::string path, std::vector<std::string> arguments)
      : path_(std::move(path)), arguments_(std::move(arguments)) {}

  const std::string& path() const { return path_; }

  // All texts as they are now.
  ConfigTexts Read() const;
  // Read(), then ParseConfig().
  ConfigResult Load() const;

 private:
  std::string path_;
  std::vector<std::string> arguments_;
};

}  // namespace koi
