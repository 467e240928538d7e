// SPDX-License-Identifier: Apache-2.0
// koi_decap, the program of backends, and its maps.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/address.h"
#include "base/fd.h"
#include "base/prefix.h"

namespace koi {

// How often packets were left for a reason.
struct DecapFigures {
  std::string reason;
  std::string action;  // "pass", "drop"
  std::string help;
  uint64_t packets = 0;
};

class DecapProgram {
 public:
  // PermissionDenied where BPF is refused, with the capabilities needed; ResourceExhausted when
  // there are too many prefixes.
  static absl::StatusOr<std::unique_ptr<DecapProgram>> Load(absl::Span<const Prefix> from);
  ~DecapProgram();
  DecapProgram(const DecapProgram&) = delete;
  DecapProgram& operator=(const DecapProgram&) = delete;

  int program_fd() const;
  // The addresses that packets are taken out for are these, and no others any more.
  absl::Status SetAddresses(absl::Span<const Address> addresses);
  // What it counts can be read at `path`, on a bpffs, until that is removed.
  absl::Status PinFigures(const std::string& path) const;
  absl::StatusOr<std::vector<DecapFigures>> Figures() const;

 private:
  struct State;
  explicit DecapProgram(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// What was pinned by PinFigures. NotFound where nothing is.
absl::StatusOr<std::vector<DecapFigures>> ReadDecapFigures(const std::string& path);

}  // namespace koi
