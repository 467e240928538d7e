// SPDX-License-Identifier: Apache-2.0
// epoll and timers.
#include "net/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"

namespace koi {

EventLoop::Watch& EventLoop::Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    Stop();
    loop_ = std::exchange(other.loop_, nullptr);
    slot_ = std::exchange(other.slot_, nullptr);
  }
  return *this;
}

void EventLoop::Watch::SetEvents(uint32_t events) {
  KOI_CHECK(loop_ != nullptr);
  if (slot_->events == events) return;
  slot_->events = events;
  epoll_event event = {.events = events, .data = {.ptr = slot_}};
  // Cannot fail: the descriptor is registered and stays open for the life of the watch.
  KOI_CHECK(::epoll_ctl(loop_->epoll_fd_.get(), EPOLL_CTL_MOD, slot_->fd, &event) == 0);
}

void EventLoop::Watch::Stop() {
  if (loop_ == nullptr) return;
  ::epoll_ctl(loop_->epoll_fd_.get(), EPOLL_CTL_DEL, slot_->fd, nullptr);
  slot_->ended = true;
  loop_->ended_.emplace_back(slot_);
  loop_ = nullptr;
  slot_ = nullptr;
}

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  Fd epoll_fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_fd.valid()) return absl::ErrnoToStatus(errno, "cannot create an epoll instance");
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll_fd)));
}

EventLoop::~EventLoop() = default;

absl::StatusOr<EventLoop::Watch> EventLoop::Add(int fd, uint32_t events, ReadyCallback callback) {
  auto slot = std::make_unique<Watch::Slot>(Watch::Slot{fd, events, std::move(callback)});
  epoll_event event = {.events = events, .data = {.ptr = slot.get()}};
  if (::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return absl::ErrnoToStatus(errno, "cannot watch a descriptor");
  }
  Watch watch;
  watch.loop_ = this;
  watch.slot_ = slot.release();
  return watch;
}

void EventLoop::Run() {
  stopped_ = false;
  while (!stopped_) Turn(std::chrono::hours(1));
}

void EventLoop::Turn(Duration longest) {
  // What a turn takes makes no difference to a timer that is far away, and the clock is not asked.
  constexpr Duration kFar = std::chrono::milliseconds(20);
  Duration wait = longest;
  if (const TimePoint next = timers_.Next(); next != TimePoint::max()) {
    const Duration ahead = next - now_;
    wait = std::min(wait, ahead > kFar ? ahead : next - Now());
  }
  // Rounded up, so that a timer is never met half a millisecond early and waited for in a busy
  // loop.
  const auto wait_ms =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(wait, Duration::zero()));

  std::array<epoll_event, 256> events;
  int count = ::epoll_wait(epoll_fd_.get(), events.data(), events.size(),
                           static_cast<int>(wait_ms.count()));
  // A stopped process that goes on is interrupted here. What others have sent meanwhile must be
  // seen before its timers act as if no time had passed.
  if (count < 0 && errno == EINTR) {
    count = ::epoll_wait(epoll_fd_.get(), events.data(), events.size(), 0);
  }
  KOI_CHECK(count >= 0 || errno == EINTR);
  now_ = Now();
  for (int i = 0; i < count; ++i) {
    auto* slot = static_cast<Watch::Slot*>(events[static_cast<size_t>(i)].data.ptr);
    if (!slot->ended) slot->callback(events[static_cast<size_t>(i)].events);
  }
  timers_.Expire(now_);
  ended_.clear();
}

}  // namespace koi
