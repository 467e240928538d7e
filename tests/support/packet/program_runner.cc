// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_TEST_RUN, and what it counted.
#include "support/packet/program_runner.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "support/packet/decode.h"

namespace koi {
namespace {

constexpr size_t kLargestFrame = 16384;

std::string ActionName(uint32_t action) {
  switch (action) {
    case XDP_DROP: return "drop";
    case XDP_PASS: return "pass";
    case XDP_TX: return "transmit";
    case XDP_REDIRECT: return "redirect";
    default: return "abort";
  }
}

std::vector<VerdictFigures> Counted(const VerdictMap& verdicts) {
  absl::StatusOr<std::vector<VerdictFigures>> figures = verdicts.Read();
  EXPECT_TRUE(figures.ok()) << figures.status();
  return figures.ok() ? *std::move(figures) : std::vector<VerdictFigures>();
}

// The one verdict that was counted between `before` and `after`.
VerdictFigures Difference(const std::vector<VerdictFigures>& before,
                          const std::vector<VerdictFigures>& after) {
  VerdictFigures found;
  uint64_t counted = 0;
  for (size_t i = 0; i < after.size(); ++i) {
    const uint64_t more = after[i].packets - before[i].packets;
    if (more > 0) found = after[i];
    counted += more;
  }
  EXPECT_EQ(counted, 1U) << "each frame must be counted once";
  return found;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << outcome.action << " (" << outcome.verdict << "), " << Decoded(outcome.frame);
}

Outcome ProgramRunner::Answer(const std::string& in) {
  std::string out(kLargestFrame, '\0');
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = in.data();
  options.data_size_in = static_cast<uint32_t>(in.size());
  options.data_out = out.data();
  options.data_size_out = static_cast<uint32_t>(out.size());
  options.repeat = 1;
  if (bpf_prog_test_run_opts(program_fd_, &options) != 0) {
    ADD_FAILURE() << "cannot run the program: " << std::strerror(errno) << "\n" << Decoded(in);
    return {};
  }
  out.resize(options.data_size_out);
  return {.action = ActionName(options.retval), .verdict = "", .frame = std::move(out)};
}

Outcome ProgramRunner::Run(const Packet& packet) {
  const std::vector<VerdictFigures> before = Counted(verdicts_);
  Outcome outcome = Answer(packet.Bytes());
  const VerdictFigures verdict = Difference(before, Counted(verdicts_));
  outcome.verdict = verdict.name;
  EXPECT_EQ(outcome.action, verdict.action) << "the action is not the one of " << verdict.name;
  return outcome;
}

}  // namespace koi
