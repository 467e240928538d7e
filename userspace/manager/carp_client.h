// SPDX-License-Identifier: Apache-2.0
// koi-carp as the manager sees it: told once what to do, it acts alone and reports.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "base/fd.h"
#include "net/channel.h"
#include "net/event_loop.h"
#include "protocol/carp_messages.h"

namespace koi {

class CarpClient {
 public:
  explicit CarpClient(EventLoop& loop) : loop_(loop) {}

  // Talks to the koi-carp behind `channel` from now on, and configures it. The descriptors remain
  // the caller's.
  absl::Status Attach(Fd channel, const CarpConfigure& configure, int xdp_program_fd,
                      int gates_map_fd);
  void Detach() { channel_.reset(); }
  // Tells a koi-carp that runs something else; one that does not will be told when it starts.
  absl::Status Configure(const CarpConfigure& configure, int xdp_program_fd, int gates_map_fd);
  // Whether it has reported since it was last told, and so has done it, or does not run.
  bool configured() const { return configured_ || channel_ == nullptr; }

  bool running() const { return channel_ != nullptr; }
  // The last report; empty before the first.
  const CarpReport& report() const { return report_; }

 private:
  void OnMessage(const ChannelMessage& message);

  EventLoop& loop_;
  std::unique_ptr<Channel> channel_;
  CarpReport report_;
  bool configured_ = false;
};

// What koi-carp needs to know of the configuration.
CarpConfigure CarpConfigureFrom(const Config& config);

}  // namespace koi
