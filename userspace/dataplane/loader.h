// SPDX-License-Identifier: Apache-2.0
// Loads koi's BPF object and pins its maps below one bpffs directory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "dataplane/map_pattern.h"

namespace koi {

enum class ExistingMaps {
  kReuse,    // a predecessor of this process made them and they are the truth
  kReplace,  // leftovers of a dead run: removed first
};

// Of maps whose size is not fixed. Maps that are reused must have it.
struct MapSizes {
  uint32_t flows = 262'144;  // entries of koi_flows
};

// Folders of the bpffs directory: a pool's arrays in koi_rings and koi_slots (ring_maps.h).
constexpr char kRingPins[] = "rings";
constexpr char kSlotPins[] = "slots";

class BpfObject {
 public:
  // Loads the programs and makes (or reuses) the maps, pinned as `pin_directory`/MAP. The directory
  // is made with mode 0700; where its parent is no bpffs, one is mounted on the first existing
  // parent that may be (needs SYS_ADMIN). FailedPrecondition when pinned maps have another shape or
  // ABI version and are to be reused; PermissionDenied where BPF is refused, with the capabilities
  // needed. The verifier's log is in the message when it refused.
  static absl::StatusOr<std::unique_ptr<BpfObject>> Load(const std::string& pin_directory,
                                                         ExistingMaps existing,
                                                         const MapSizes& sizes = {});
  ~BpfObject();
  BpfObject(const BpfObject&) = delete;
  BpfObject& operator=(const BpfObject&) = delete;

  // Valid as long as the object; duplicates are the caller's.
  int xdp_program_fd() const;
  int sk_lookup_program_fd() const;
  int explain_program_fd() const;
  // `name` as bpftool shows it: "koi_vips". KOI_CHECKs that the object has it.
  absl::StatusOr<Fd> MapFd(const std::string& name) const;

  // The map koi_worker_`cpu`, made with the object's BTF and pinned, or the pinned one. Zeroed when
  // just made.
  absl::StatusOr<Fd> WorkerMapFd(int cpu);

  // Of one pool's arrays in koi_rings and koi_slots, but for their number of entries.
  const MapPattern& ring_pattern() const;
  const MapPattern& slots_pattern() const;
  const std::string& pin_directory() const;

 private:
  struct State;
  explicit BpfObject(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace koi
