// SPDX-License-Identifier: Apache-2.0
// Tells a person what the demo does: a sentence for each step, the command behind it, what came
// of it.
#pragma once

#include <string>

namespace koi::lab {

class Narrator {
 public:
  // Begins a step: a sentence that needs no earlier knowledge.
  void Step(const std::string& sentence);
  // A command of this step, as it could be typed.
  void Command(const std::string& command);
  // What was seen, indented; any number of lines.
  void Say(const std::string& text);
  // Counts the step as failed unless `holds`, and says what was to be seen and what was.
  bool Expect(bool holds, const std::string& expected, const std::string& seen);

  bool failed() const { return failures_ > 0; }

 private:
  int steps_ = 0;
  int failures_ = 0;
};

}  // namespace koi::lab
