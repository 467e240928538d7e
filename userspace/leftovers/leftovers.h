// SPDX-License-Identifier: Apache-2.0
// What a koi that died left on this host: found and removed by the next start, and by `koi
// cleanup`. Whoever removes holds the locks (kNodeLockName, LockPins()), so that nothing of a
// living koi is ever taken for a leftover.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace koi {

enum class LeftoverKind { kProcess, kVip, kXdp, kNeighbour, kPin, kSocket, kMount };

// "process", "VIP", "XDP program", "neighbour", "pin", "socket", "mount".
absl::string_view LeftoverKindName(LeftoverKind kind);

struct Leftover {
  LeftoverKind kind = LeftoverKind::kPin;
  std::string name;  // as a person knows it: a path, an address and its interface, a pid
  std::function<absl::Status()> remove;
};

// Where to look; nothing is looked for where a name is "".
struct LeftoverPlaces {
  std::string interface = {};
  std::string bpffs = {};
  std::string run = {};
};

struct FoundLeftovers {
  std::vector<Leftover> items;  // in the order in which they are to be removed
  // What could not be told, each a sentence.
  std::vector<std::string> unclear;
};

// koi's processes in this network namespace whose keeper is gone. They hold what else is left:
// first of all they are to be ended, which needs KILL.
std::vector<Leftover> LeftProcesses();

// VIPs that an earlier koi leased, its XDP program, the neighbours that it had the kernel keep, its
// pins, its control socket.
FoundLeftovers FindLeftovers(const LeftoverPlaces& places);

// A bpffs that koi mounted for `bpffs`, when nothing else is in it: to be removed last.
std::vector<Leftover> LeftMount(const std::string& bpffs);

}  // namespace koi
