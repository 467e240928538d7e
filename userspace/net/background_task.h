// SPDX-License-Identifier: Apache-2.0
// Work that takes too long for an event loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "base/fd.h"
#include "net/event_loop.h"

namespace koi {

// One piece of work in a thread of its own, the only kind of thread that koi has. What the work
// touches is its alone until `done` is called: copies, or what nobody changes. It logs nothing and
// has no part in the loop.
class BackgroundTask {
 public:
  // `stopped` becomes true when nobody waits for the work any more: it asks before each step that
  // takes a while, and then returns soon.
  using Work = std::function<void(const std::atomic<bool>& stopped)>;

  // Begins `work`; calls `done` once, from `loop`, when it has returned and its thread has ended:
  // what it has written may be read then. `done` may destroy the task. ResourceExhausted when there
  // can be no thread.
  static absl::StatusOr<std::unique_ptr<BackgroundTask>> Start(EventLoop& loop, Work work,
                                                               std::function<void()> done);
  // Stops the work and waits for it; `done` is not called.
  ~BackgroundTask();
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;

 private:
  BackgroundTask(Fd ended, std::function<void()> done)
      : ended_(std::move(ended)), done_(std::move(done)) {}
  void End();

  std::atomic<bool> stopped_ = false;
  Fd ended_;  // an eventfd(2)
  EventLoop::Watch watch_;
  std::function<void()> done_;
  std::thread thread_;
};

}  // namespace koi
