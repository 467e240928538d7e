// SPDX-License-Identifier: Apache-2.0
// Readiness and timers, and what a callback may do to the registrations of others.
#include "net/event_loop.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace koi {
namespace {

using namespace std::chrono_literals;

class EventLoopTest : public testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop = *EventLoop::Create();
  static Fd Signalled() { return Fd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)); }
};

TEST_F(EventLoopTest, ReadyDescriptorIsReported) {
  const Fd fd = Signalled();
  uint32_t seen = 0;
  const EventLoop::Watch watch =
      *loop->Add(fd.get(), EPOLLIN, [&](uint32_t events) { seen = events; });
  loop->Turn(1s);
  EXPECT_EQ(seen, static_cast<uint32_t>(EPOLLIN));
}

TEST_F(EventLoopTest, WatchEndedByAnotherCallbackOfTheSameTurnIsNotCalled) {
  const Fd first = Signalled();
  const Fd second = Signalled();
  int calls = 0;
  EventLoop::Watch watches[2];
  // Whichever comes first ends the other, although the kernel has reported both.
  watches[0] = *loop->Add(first.get(), EPOLLIN, [&](uint32_t) { ++calls, watches[1].Stop(); });
  watches[1] = *loop->Add(second.get(), EPOLLIN, [&](uint32_t) { ++calls, watches[0].Stop(); });
  loop->Turn(1s);
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, WatchMayEndItselfInItsCallback) {
  const Fd fd = Signalled();
  int calls = 0;
  EventLoop::Watch watch;
  watch = *loop->Add(fd.get(), EPOLLIN, [&](uint32_t) { ++calls, watch.Stop(); });
  loop->Turn(1s);
  loop->Turn(0s);
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, EventsWaitedForMayChange) {
  const Fd fd = Signalled();
  int calls = 0;
  EventLoop::Watch watch = *loop->Add(fd.get(), 0, [&](uint32_t) { ++calls; });
  loop->Turn(0s);
  EXPECT_EQ(calls, 0);
  watch.SetEvents(EPOLLIN);
  loop->Turn(0s);
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, TimersFireInTheOrderOfTheirTimes) {
  std::vector<int> order;
  const auto later = loop->After(3ms, [&] { order.push_back(2); });
  const auto sooner = loop->After(1ms, [&] { order.push_back(1); });
  const TimePoint limit = Now() + 5s;
  while (order.size() < 2 && Now() < limit) loop->Turn(1s);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_FALSE(later.pending());
}

TEST_F(EventLoopTest, DestroyedTimerDoesNotFire) {
  bool fired = false;
  {
    const auto timer = loop->After(0s, [&] { fired = true; });
  }
  loop->Turn(5ms);
  EXPECT_FALSE(fired);
}

TEST_F(EventLoopTest, TimerThatStartsItselfAnewWaitsForTheNextTurn) {
  int calls = 0;
  EventLoop::Timer timer;
  std::function<void()> again = [&] { ++calls, timer = loop->After(0s, again); };
  again();
  loop->Turn(1s);
  EXPECT_EQ(calls, 2);
}

TEST_F(EventLoopTest, TimerIsNeverEarly) {
  const TimePoint due = Now() + 3ms;
  TimePoint fired;
  const auto timer = loop->At(due, [&] { fired = Now(); });
  const TimePoint limit = Now() + 5s;
  while (fired == TimePoint() && Now() < limit) loop->Turn(1s);
  EXPECT_GE(fired, due);
}

// What others sent to a stopped process must be known before its timers act.
TEST_F(EventLoopTest, StoppedProcessServesEventsBeforeItsTimersOnceItGoesOn) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const pid_t child = ::fork();
  if (child == 0) {
    std::string order;
    const EventLoop::Watch watch = *loop->Add(event.get(), EPOLLIN, [&](uint32_t) {
      order += "event ";
      uint64_t count;
      (void)!::read(event.get(), &count, sizeof(count));
    });
    const EventLoop::Timer timer = loop->After(100ms, [&] {
      order += "timer";
      loop->Stop();
    });
    (void)!::write(ready[1], "r", 1);
    loop->Run();
    ::_exit(order == "event timer" ? 0 : 1);
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(child, SIGSTOP);
  int wait_status = 0;
  ASSERT_EQ(::waitpid(child, &wait_status, WUNTRACED), child);
  const TimePoint stopped = Now();
  while (Now() - stopped < 150ms) ::sched_yield();
  const uint64_t one = 1;
  ASSERT_EQ(::write(event.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  ::kill(child, SIGCONT);
  ASSERT_EQ(::waitpid(child, &wait_status, 0), child);
  EXPECT_EQ(wait_status, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace koi
