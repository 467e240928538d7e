// SPDX-License-Identifier: Apache-2.0
// Matchers for what a program did with a frame. They compare whole frames; a mismatch prints both,
// decoded, with the difference marked.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "support/packet/decode.h"
#include "support/packet/packet.h"
#include "support/packet/program_runner.h"

namespace koi {

// `arg`: bytes of a frame.
MATCHER_P(IsFrame, packet, "is the frame expected") {
  const std::string expected = packet.Bytes();
  if (arg == expected) return true;
  *result_listener << "where (- expected, + actual)\n" << DecodedDifference(expected, arg);
  return false;
}

// `arg`: an Outcome.
MATCHER_P2(Leaves, action, packet, std::string("is \"") + action + "\" with the frame expected") {
  if (arg.action != action) *result_listener << "which is a \"" << arg.action << "\"; ";
  const bool same = ::testing::ExplainMatchResult(IsFrame(packet), arg.frame, result_listener);
  return arg.action == action && same;
}

inline auto Passes(const Packet& packet) { return Leaves(std::string("pass"), packet); }
inline auto Transmits(const Packet& packet) { return Leaves(std::string("transmit"), packet); }
inline auto Redirects(const Packet& packet) { return Leaves(std::string("redirect"), packet); }

MATCHER(Drops, "is \"drop\"") { return arg.action == "drop"; }

}  // namespace koi
