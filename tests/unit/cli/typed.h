// SPDX-License-Identifier: Apache-2.0
// Runs koi's command line in tests as it is typed.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "cli/run.h"

namespace koi {

struct Said {
  ExitCode code = kExitOk;
  std::string out;
  std::string talk;
};

// `words` behind "koi", separated by blanks.
inline Said Typed(const std::string& words) {
  std::vector<std::string> list = absl::StrSplit(words, ' ', absl::SkipEmpty());
  list.insert(list.begin(), "koi");
  std::vector<const char*> argv;
  for (const std::string& word : list) argv.push_back(word.c_str());
  std::ostringstream out;
  std::ostringstream talk;
  const ExitCode code = RunCommandLine(static_cast<int>(argv.size()), argv.data(), out, talk);
  return {code, out.str(), talk.str()};
}

}  // namespace koi
