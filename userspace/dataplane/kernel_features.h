// SPDX-License-Identifier: Apache-2.0
// What koi needs of the kernel's BPF, found out by using it: feature probes guess, and some kernels
// and policies refuse what they announce.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace koi {

struct KernelFeature {
  std::string name = {};   // "maps of maps"
  std::string since = {};  // the first Linux that has it
  std::string used = {};   // what koi does with it
  absl::Status status = {};
};

// Makes a small map or loads a small program for each, and lets go of it: nothing is attached or
// pinned. Needs BPF, PERFMON and NET_ADMIN: without, all are PermissionDenied.
std::vector<KernelFeature> TryKernelFeatures();

}  // namespace koi
