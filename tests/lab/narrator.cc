// SPDX-License-Identifier: Apache-2.0
// Tells a person what the demo does.
#include "lab/narrator.h"

#include <iostream>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace koi::lab {

void Narrator::Step(const std::string& sentence) {
  std::cout << '\n' << ++steps_ << ". " << sentence << std::endl;
}

void Narrator::Command(const std::string& command) { std::cout << "   $ " << command << std::endl; }

void Narrator::Say(const std::string& text) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!line.empty()) std::cout << "     " << line << '\n';
  }
  std::cout.flush();
}

bool Narrator::Expect(bool holds, const std::string& expected, const std::string& seen) {
  if (holds) return true;
  ++failures_;
  std::cout << "   FAILED. Expected: " << expected << "\n           Seen: " << seen << std::endl;
  return false;
}

}  // namespace koi::lab
