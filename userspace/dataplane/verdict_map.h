// SPDX-License-Identifier: Apache-2.0
// Map koi_verdicts: how often koi_xdp left a packet for each reason.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/fd.h"

namespace koi {

struct VerdictFigures {
  std::string name;    // "NOT_OURS"
  std::string action;  // "pass", "drop", "redirect"
  std::string help;    // a sentence
  uint64_t packets = 0;
};

// What the verdict of that number of the list is; `packets` is 0.
VerdictFigures VerdictOf(uint32_t number);

class VerdictMap {
 public:
  explicit VerdictMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  // All of them, in the order of the list, summed over all CPUs.
  absl::StatusOr<std::vector<VerdictFigures>> Read() const;

 private:
  Fd map_fd_;
};

}  // namespace koi
