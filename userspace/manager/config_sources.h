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
  // they were typed. Without any, the files must exist. With some, ConfigFromCommandLine() says
  // what they mean together with the environment; a koi.toml adds to it, and without any file the
  // default service is there.
  ConfigSources(std::string path, std::vector<std::string> arguments)
      : path_(std::move(path)), arguments_(std::move(arguments)) {}

  const std::string& path() const { return path_; }

  // All texts as they are now.
  ConfigTexts Read() const;

 private:
  // `missing`: the first of `files` is. `variables`: those set, which say nothing without
  // arguments.
  ConfigTexts ReadFilesAlone(const std::vector<std::string>& files, bool missing,
                             const std::vector<std::string>& variables) const;

  std::string path_;
  std::vector<std::string> arguments_;
};

}  // namespace koi
