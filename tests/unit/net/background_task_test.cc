// SPDX-License-Identifier: Apache-2.0
// Work beside the event loop.
#include "net/background_task.h"

#include <gtest/gtest.h>

#include <future>

namespace koi {
namespace {

class BackgroundTaskTest : public testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
  std::unique_ptr<BackgroundTask> task_;
};

TEST_F(BackgroundTaskTest, LoopTurnsUntilTheWorkIsDone) {
  std::promise<void> may_end;
  std::string made;
  std::string got;
  task_ = *BackgroundTask::Start(
      *loop_,
      [&](const std::atomic<bool>&) {
        may_end.get_future().wait();
        made = "made";
      },
      [&] {
        got = made;
        task_.reset();
        loop_->Stop();
      });
  bool turned = false;
  const EventLoop::Timer timer = loop_->After(std::chrono::milliseconds(1), [&] {
    turned = true;
    may_end.set_value();
  });
  loop_->Run();
  EXPECT_TRUE(turned);
  EXPECT_EQ(got, "made");
  EXPECT_EQ(task_, nullptr);
}

TEST_F(BackgroundTaskTest, WhoGivesItUpWaitsForTheWorkToStop) {
  bool stopped = false;
  bool done = false;
  task_ = *BackgroundTask::Start(
      *loop_,
      [&](const std::atomic<bool>& stop) {
        while (!stop) std::this_thread::yield();
        stopped = true;
      },
      [&] { done = true; });
  task_.reset();
  EXPECT_TRUE(stopped);
  loop_->Turn(Duration::zero());
  EXPECT_FALSE(done);
}

}  // namespace
}  // namespace koi
