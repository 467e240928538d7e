// SPDX-License-Identifier: Apache-2.0
// Messages between processes: whole, in order, with their descriptors, and what happens at the
// limits.
#include "net/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace koi {
namespace {

using namespace std::chrono_literals;

class ChannelTest : public testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop = *EventLoop::Create();
  std::pair<Fd, Fd> ends = *MakeChannelPair();
  std::vector<ChannelMessage> received;
  bool closed = false;
  std::unique_ptr<Channel> Listen(Fd end) {
    return *Channel::Open(
        *loop, std::move(end),
        [this](ChannelMessage message) { received.push_back(std::move(message)); },
        [this] { closed = true; });
  }
  template <typename Condition>
  bool Eventually(Condition condition) {
    const TimePoint limit = Now() + 5s;
    while (!condition() && Now() < limit) loop->Turn(10ms);
    return condition();
  }
};

TEST_F(ChannelTest, MessagesArriveWholeAndInOrder) {
  const auto receiver = Listen(std::move(ends.second));
  ASSERT_TRUE(SendMessage(ends.first.get(), "one").ok());
  ASSERT_TRUE(SendMessage(ends.first.get(), std::string(kMaxMessageBytes, 'x')).ok());
  ASSERT_TRUE(Eventually([&] { return received.size() == 2; }));
  EXPECT_EQ(received[0].bytes, "one");
  EXPECT_EQ(received[1].bytes.size(), kMaxMessageBytes);
}

TEST_F(ChannelTest, DescriptorsArriveWithTheirMessage) {
  const auto receiver = Listen(std::move(ends.second));
  const Fd event(::eventfd(7, EFD_CLOEXEC));
  ASSERT_TRUE(SendMessage(ends.first.get(), "take this", {event.get()}).ok());
  ASSERT_TRUE(Eventually([&] { return received.size() == 1; }));
  ASSERT_EQ(received[0].fds.size(), 1u);
  uint64_t value = 0;
  EXPECT_EQ(::read(received[0].fds[0].get(), &value, sizeof(value)), 8);
  EXPECT_EQ(value, 7u);
}

TEST_F(ChannelTest, SlowReaderGetsEverythingThatWasQueued) {
  const auto sender = Listen(std::move(ends.first));
  const std::string large(100'000, 'x');
  const Fd event(::eventfd(7, EFD_CLOEXEC));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(sender->Send(large, {event.get()}).ok());
  EXPECT_FALSE(sender->idle());

  const auto receiver = Listen(std::move(ends.second));
  ASSERT_TRUE(Eventually([&] { return received.size() == 50; }));
  EXPECT_TRUE(sender->idle());
  EXPECT_EQ(received.back().fds.size(), 1u);
  EXPECT_GE(::fcntl(event.get(), F_GETFD), 0) << "the sender's own descriptor stays open";
}

TEST_F(ChannelTest, QueueForAReaderThatNeverReadsIsLimited) {
  const auto sender = Listen(std::move(ends.first));
  absl::Status sent;
  for (int i = 0; sent.ok() && i < 100'000; ++i) sent = sender->Send("x");
  EXPECT_TRUE(absl::IsResourceExhausted(sent)) << sent;
}

TEST_F(ChannelTest, MessageLargerThanAnyIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(
      SendMessage(ends.first.get(), std::string(kMaxMessageBytes + 1, 'x'))));
  EXPECT_TRUE(absl::IsInvalidArgument(SendMessage(ends.first.get(), "")));
}

TEST_F(ChannelTest, EndOfTheOtherSideIsToldOnceAfterItsLastMessage) {
  const auto receiver = Listen(std::move(ends.second));
  ASSERT_TRUE(SendMessage(ends.first.get(), "last words").ok());
  ends.first.Close();
  ASSERT_TRUE(Eventually([&] { return closed; }));
  EXPECT_EQ(received.size(), 1u);
}

TEST_F(ChannelTest, OwnerMayDestroyItInItsOwnCallback) {
  std::unique_ptr<Channel> receiver;
  int messages = 0;
  receiver = *Channel::Open(
      *loop, std::move(ends.second), [&](const ChannelMessage&) { ++messages, receiver.reset(); },
      [] {});
  ASSERT_TRUE(SendMessage(ends.first.get(), "one").ok());
  ASSERT_TRUE(SendMessage(ends.first.get(), "two").ok());
  ASSERT_TRUE(Eventually([&] { return receiver == nullptr; }));
  EXPECT_EQ(messages, 1);
}

TEST_F(ChannelTest, SendingToNobodyIsUnavailable) {
  const auto sender = Listen(std::move(ends.first));
  ends.second.Close();
  EXPECT_TRUE(absl::IsUnavailable(sender->Send("hello?")));
}

}  // namespace
}  // namespace koi
