// SPDX-License-Identifier: Apache-2.0
// Runs koi_xdp on one frame in the kernel (BPF_PROG_TEST_RUN), as if it came in on lo: the program
// that was really loaded, with its real maps.
#pragma once

#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/verdict_map.h"
#include "support/packet/packet.h"

namespace koi {

struct Outcome {
  std::string action;   // "pass", "drop", "transmit", "redirect"
  std::string verdict;  // "NOT_OURS"
  std::string frame;    // as the program left it
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome);

class ProgramRunner {
 public:
  // Borrows the program's descriptor; takes the map in which it counts.
  ProgramRunner(int program_fd, VerdictMap verdicts)
      : program_fd_(program_fd), verdicts_(std::move(verdicts)) {}

  // A frame has at least 14 bytes. That the program counted exactly one verdict, and one whose
  // action is the one it answered, is expected here, for every run of every test.
  Outcome Run(const Packet& packet);

  // What the program does, but not the verdict: for thousands of frames.
  std::string ActionFor(const Packet& packet) { return Answer(packet.Bytes()).action; }
  Outcome Answer(const std::string& frame);

  const VerdictMap& verdicts() const { return verdicts_; }

 private:
  int program_fd_;
  VerdictMap verdicts_;
};

}  // namespace koi
