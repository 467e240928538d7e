// SPDX-License-Identifier: Apache-2.0
// Maps koi_flows and koi_flow_state, as koi-manager reads and sweeps them. koi_xdp writes them
// meanwhile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "base/time.h"

namespace koi {

struct Flow {
  TimePoint used = {};  // to within kFlowTimeGrain
  uint32_t slot = 0;
  uint16_t pool = 0;
  uint16_t backend = 0;
  uint16_t epoch = 0;
  uint8_t protocol = 0;  // as IPPROTO_TCP
};

// Times in the maps are renewed only when they are older than this.
constexpr Duration kFlowTimeGrain = std::chrono::seconds(1);

struct FlowKey {
  std::array<uint64_t, 2> words = {};
};

// What koi_xdp could not enter, since the maps were made.
struct FlowRefusals {
  TimePoint last = {};
  uint64_t count = 0;
};

class FlowMap {
 public:
  FlowMap(Fd flows_fd, Fd state_fd)
      : flows_fd_(std::move(flows_fd)), state_fd_(std::move(state_fd)) {}

  // Where a walk through all entries is.
  struct Place {
    bool begun = false;
    uint32_t bucket = 0;
  };
  // Calls `visit` for about `budget` entries from `place` on, and moves it. Whether that was the
  // rest of them: then `place` is at the beginning again. An entry that is there from the walk's
  // beginning to its end is visited once.
  absl::StatusOr<bool> Walk(Place& place, size_t budget,
                            absl::FunctionRef<void(const FlowKey&, const Flow&)> visit) const;

  // Removes the entry, unless `dead` says of what is there by then that it lives. Absent is fine.
  absl::Status RemoveIf(const FlowKey& key, absl::FunctionRef<bool(const Flow&)> dead);

  absl::StatusOr<FlowRefusals> Refusals() const;

 private:
  Fd flows_fd_;
  Fd state_fd_;
};

}  // namespace koi
