// SPDX-License-Identifier: Apache-2.0
// The keys of session tickets: made, replaced in time, told to all workers, and kept for a manager
// after this one.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "config/config.h"
#include "manager/worker_fleet.h"
#include "net/event_loop.h"
#include "tls/ticket_keys.h"

namespace koi {

constexpr char kHeldTicketKeys[] = "ticket-keys";

class TicketRotation {
 public:
  // Called with what a manager after this one begins with, whenever it is another.
  using Keep = std::function<void(absl::string_view kept)>;

  TicketRotation(EventLoop& loop, WorkerFleet& workers, Keep keep)
      : loop_(loop), workers_(workers), keep_(std::move(keep)) {}

  // `kept` is what an earlier manager's Keep was called with, "" where there was none.
  void Begin(const TicketConfig& config, absl::string_view kept);
  // `config` from now on; keys stay as long as it is the same.
  void Follow(const TicketConfig& config);

 private:
  void Tell();
  void Wait();

  EventLoop& loop_;
  WorkerFleet& workers_;
  Keep keep_;
  TicketConfig config_;
  std::optional<TicketKeyring> ring_;
  EventLoop::Timer timer_;
};

}  // namespace koi
