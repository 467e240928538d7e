// SPDX-License-Identifier: Apache-2.0
// One TCP check: whether a backend takes a connection in time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/address.h"
#include "base/time.h"
#include "net/event_loop.h"

namespace koi {

class TcpProbe {
 public:
  // Ok, or why not, as a person says it: "connection refused", "no answer in 1.0s".
  using ResultCallback = std::function<void(absl::Status)>;

  // Connects to `endpoint` and sends `greeting`. Calls `on_result` once, from the loop, unless
  // destroyed before; the probe may be destroyed in it. The connection is closed at once.
  static std::unique_ptr<TcpProbe> Start(EventLoop& loop, const Endpoint& endpoint,
                                         Duration timeout, std::string greeting,
                                         ResultCallback on_result);

 private:
  TcpProbe(std::string greeting, ResultCallback on_result)
      : greeting_(std::move(greeting)), on_result_(std::move(on_result)) {}
  void Connected();
  void Finish(absl::Status result);

  std::string greeting_;
  ResultCallback on_result_;
  Fd fd_;
  EventLoop::Watch watch_;
  EventLoop::Timer timer_;
};

}  // namespace koi
