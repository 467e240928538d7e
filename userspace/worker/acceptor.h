// SPDX-License-Identifier: Apache-2.0
// Takes connections from this CPU's listeners.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address.h"
#include "base/fd.h"
#include "net/event_loop.h"

namespace koi {

struct AcceptedConnection {
  Fd fd;
  Endpoint local;  // the VIP and port the client connected to
  Endpoint peer;
  bool misplaced = false;  // its packets are processed on another CPU
};

class Acceptor {
 public:
  using Callback = std::function<void(AcceptedConnection)>;

  // Takes over `listeners` and watches them in `loop`, which must outlive it. `cpu` is this
  // process's own.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Open(EventLoop& loop, std::vector<Fd> listeners,
                                                        int cpu, Callback callback);

  // While paused, connections wait in the kernel. The listeners stay open: they belong to more than
  // this process.
  void SetPaused(bool paused);

 private:
  Acceptor(EventLoop& loop, std::vector<Fd> listeners, int cpu, Callback callback)
      : loop_(loop), listeners_(std::move(listeners)), cpu_(cpu), callback_(std::move(callback)) {}
  void Accept(int listener);
  void Watch();

  EventLoop& loop_;
  std::vector<Fd> listeners_;
  int cpu_;
  Callback callback_;
  std::vector<EventLoop::Watch> watches_;
  bool paused_ = false;
  EventLoop::Timer recovery_;  // pending: descriptors ran out
};

}  // namespace koi
