// SPDX-License-Identifier: Apache-2.0
// The rings of a running node: its RingKeeper, told of pools by the reconciler and of backends by
// the table, and called when something is due.
#pragma once

#include "absl/status/status.h"
#include "config/config.h"
#include "manager/l4/ring_keeper.h"
#include "manager/pool_table.h"
#include "net/event_loop.h"

namespace koi {

class L4Rings {
 public:
  // `loop` and `pools` outlive it.
  L4Rings(EventLoop& loop, PoolTable& pools, RingKeeper keeper)
      : loop_(loop), pools_(pools), keeper_(std::move(keeper)) {}

  // The two halves of a change (manager/reconciler.h).
  absl::Status AddMissing(const Config& config);
  absl::Status RemoveOthers(const Config& config);

  // Slots of a backend that is down are changed before this returns, as far as it may take.
  void BackendsChanged();

  // Whether no slot and no flow names the backend.
  bool Free(uint32_t backend) const { return keeper_.Free(backend); }
  RingFigures Figures(uint32_t pool) const { return keeper_.Figures(pool); }
  FlowFigures Flows() const { return keeper_.Flows(); }
  uint64_t Entries(uint32_t backend) const { return keeper_.Entries(backend); }

 private:
  void Advance();

  EventLoop& loop_;
  PoolTable& pools_;
  RingKeeper keeper_;
  EventLoop::Timer timer_;
};

}  // namespace koi
