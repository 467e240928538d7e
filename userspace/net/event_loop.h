// SPDX-License-Identifier: Apache-2.0
// The one event loop of a process: readiness of descriptors (epoll, level- or edge-triggered) and
// one-shot timers. Not thread-safe: everything happens in the thread that calls Run().
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "base/time.h"
#include "net/timer_wheel.h"

namespace koi {

class EventLoop {
 public:
  using ReadyCallback = std::function<void(uint32_t events)>;
  using TimerCallback = TimerWheel::Callback;

  // A registration. Destroying it ends it: its callback is not called again, not even for an event
  // that the kernel has already reported. Must not outlive the loop. It does not own the
  // descriptor, which must stay open until the watch is gone.
  class Watch {
   public:
    Watch() = default;
    Watch(Watch&& other) noexcept { *this = std::move(other); }
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { Stop(); }

    // Changes the events waited for (EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLET...); no call when they
    // are the same.
    void SetEvents(uint32_t events);
    void Stop();
    bool active() const { return loop_ != nullptr; }

   private:
    friend class EventLoop;
    struct Slot {
      int fd;
      uint32_t events;
      ReadyCallback callback;
      bool ended = false;
    };
    EventLoop* loop_ = nullptr;
    Slot* slot_ = nullptr;
  };

  // A pending one-shot timer. Destroying it cancels it. May be restarted from its own callback.
  using Timer = TimerWheel::Timer;

  static absl::StatusOr<std::unique_ptr<EventLoop>> Create();
  ~EventLoop();

  absl::StatusOr<Watch> Add(int fd, uint32_t events, ReadyCallback callback);

  // Calls `callback` once, at `when` or soon after; in a later turn than this one.
  Timer At(TimePoint when, TimerCallback callback) {
    return timers_.Add(when, std::move(callback));
  }
  Timer After(Duration delay, TimerCallback callback) {
    return At(Now() + delay, std::move(callback));
  }

  // Turns until Stop().
  void Run();
  // One turn: waits for the first event or timer, at most `longest`, and serves all that is ready.
  void Turn(Duration longest);
  void Stop() { stopped_ = true; }

  // The time this turn began: cheap, and the same for all callbacks of a turn.
  TimePoint now() const { return now_; }

 private:
  explicit EventLoop(Fd epoll_fd) : epoll_fd_(std::move(epoll_fd)), now_(Now()), timers_(now_) {}

  Fd epoll_fd_;
  TimePoint now_;
  bool stopped_ = false;
  TimerWheel timers_;
  std::vector<std::unique_ptr<Watch::Slot>>
      ended_;  // freed after the turn: the kernel may still name them
};

}  // namespace koi
