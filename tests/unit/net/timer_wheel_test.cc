// SPDX-License-Identifier: Apache-2.0
// Timers of all distances, against a model that keeps them in order.
#include "net/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace koi {
namespace {

using namespace std::chrono_literals;

class TimerWheelTest : public ::testing::Test {
 protected:
  TimePoint now_ = FromNanoseconds(123'456'789'012'345);
  TimerWheel wheel_{now_};
  std::vector<int> fired_;

  TimerWheel::Timer After(Duration delay, int name) {
    return wheel_.Add(now_ + delay, [this, name] { fired_.push_back(name); });
  }
  void Pass(Duration time) {
    now_ += time;
    wheel_.Expire(now_);
  }
};

TEST_F(TimerWheelTest, FiresInTheOrderOfTimesWhateverPassesAtOnce) {
  const auto far = After(20h, 5);
  const auto day = After(3h, 4);
  const auto near = After(2ms, 1);
  const auto same = After(2ms, 2);
  const auto minute = After(60s, 3);
  Pass(100h);
  EXPECT_EQ(fired_, (std::vector<int>{1, 2, 3, 4, 5}));
  EXPECT_FALSE(far.pending());
  EXPECT_EQ(wheel_.Next(), TimePoint::max());
}

TEST_F(TimerWheelTest, IsNeverEarlyAndLessThanAMillisecondLate) {
  const auto timer = After(2'500us, 1);
  Pass(2'400us);
  EXPECT_TRUE(fired_.empty());
  EXPECT_LE(wheel_.Next(), now_ + 1'100us);
  Pass(1'100us);
  EXPECT_EQ(fired_.size(), 1u);
}

TEST_F(TimerWheelTest, OneThatIsPastFiresAtOnceButNotInTheSameRun) {
  TimerWheel::Timer again;
  const auto timer = wheel_.Add(now_, [&] { again = After(0ms, 2); });
  EXPECT_LE(wheel_.Next(), now_);
  Pass(0ms);
  EXPECT_TRUE(fired_.empty());
  Pass(0ms);
  EXPECT_EQ(fired_, (std::vector<int>{2}));
}

TEST_F(TimerWheelTest, CallbackMayCancelOneThatIsDueToo) {
  TimerWheel::Timer second;
  const auto first = wheel_.Add(now_ + 1ms, [&] { second.Cancel(); });
  second = After(1ms, 2);
  Pass(5ms);
  EXPECT_TRUE(fired_.empty());
}

TEST_F(TimerWheelTest, OutlivedWheelLeavesNothingPending) {
  auto wheel = std::make_unique<TimerWheel>(now_);
  const auto timer = wheel->Add(now_ + 1s, [] {});
  wheel.reset();
  EXPECT_FALSE(timer.pending());
}

// Adds, moves, cancels and waits at random. The model fires what is due in order; the wheel must
// have fired the same, but for what became due within the last millisecond.
TEST_F(TimerWheelTest, DoesWhatAnOrderedMapDoes) {
  std::mt19937_64 random(7);
  std::map<int, TimerWheel::Timer> timers;
  std::map<std::pair<TimePoint, int>, bool> model;
  std::map<int, TimePoint> times;
  int names = 0;
  for (int turn = 0; turn < 20'000; ++turn) {
    const uint64_t choice = random() % 10;
    if (choice < 5) {
      const Duration delay(random() % (uint64_t{1} << random() % 46));  // up to 19 hours
      ++names;
      timers[names] = After(delay, names);
      model[{now_ + delay, names}] = true;
      times[names] = now_ + delay;
    } else if (choice < 7 && !timers.empty()) {
      const auto victim = std::next(timers.begin(), static_cast<long>(random() % timers.size()));
      model.erase({times[victim->first], victim->first});
      timers.erase(victim);
    } else {
      fired_.clear();
      // Either to when the wheel asks for it, or anywhere.
      const TimePoint next = wheel_.Next();
      const Duration anywhere(random() % (uint64_t{1} << random() % 44));
      Pass(choice == 7 && next != TimePoint::max() && next > now_ ? next - now_ : anywhere);
      TimePoint last;
      for (const int name : fired_) {
        ASSERT_TRUE(model.erase({times[name], name})) << "not pending";
        ASSERT_LE(times[name], now_);
        ASSERT_GE(times[name], last);
        last = times[name];
        ASSERT_FALSE(timers[name].pending());
        timers.erase(name);
      }
      if (!model.empty()) {
        ASSERT_GT(model.begin()->first.first, now_ - 1ms) << "late";
        ASSERT_LT(wheel_.Next(), model.begin()->first.first + 1ms);
      }
    }
  }
}

}  // namespace
}  // namespace koi
