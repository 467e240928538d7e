// SPDX-License-Identifier: Apache-2.0
// koi-decap attach: koi_decap on an interface, for as long as this process runs.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/prefix.h"
#include "config/config.h"

namespace koi {

struct DecapOptions {
  std::string interface = {};
  std::vector<Prefix> from = {};  // outer sources: koi's tunnel sources, or the hosts' addresses
  XdpMode mode = XdpMode::kAuto;
  std::string pins = {};  // the directory for what `status` reads
};

// Attaches, follows the addresses of this host, and returns when SIGTERM or SIGINT comes: OK, with
// everything detached and unpinned. However else the process ends, the kernel detaches too.
absl::Status AttachDecap(const DecapOptions& options);

// Below `bpffs`, one directory an interface.
std::string DecapPins(const std::string& bpffs, const std::string& interface);

}  // namespace koi
