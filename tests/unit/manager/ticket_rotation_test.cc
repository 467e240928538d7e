// SPDX-License-Identifier: Apache-2.0
// Which ticket keys workers are told, by managers one after the other and side by side.
#include "manager/ticket_rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/escaping.h"
#include "base/check.h"

namespace koi {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;

constexpr int kCpu = 0;
const TicketConfig kRandom = {.rotation = 1h};
const TicketConfig kShared = {.rotation = 1h, .secret = "what both hosts have in a file"};

Fd EmptyTable() {
  constexpr off_t kBytes = off_t{1} << 22;  // more than any map needs
  Fd fd(::memfd_create("table", MFD_CLOEXEC));
  KOI_CHECK(fd.valid() && ::ftruncate(fd.get(), kBytes) == 0);
  return fd;
}

// A manager's part of it, with the test in the place of its worker and of the keeper.
struct FakeManager {
  FakeManager() {
    fleet.SetBriefing("blue", {}, {});
    KOI_CHECK(fleet.AddCpu(kCpu, EmptyTable(), EmptyTable(), EmptyTable()).ok());
    fleet.AddListener(kCpu, ListenerFamily::kIp4, listener);
    auto [ours, theirs] = *MakeChannelPair();
    KOI_CHECK(fleet.Attach(kCpu, 11, 1, std::move(ours)).ok());
    worker = std::move(theirs);
  }
  // The keys that the worker was told last.
  TicketKeys Told() {
    for (auto next = ReceiveMessage(worker.get()); next.ok(); next = ReceiveMessage(worker.get())) {
      const WorkerMessage message = *DecodeWorkerMessage(next->bytes);
      const auto* told = std::get_if<WorkerTicketKeys>(&message);
      if (told != nullptr) keys = DecodeTicketKeys(absl::HexStringToBytes(told->keys)).value();
    }
    return keys;
  }

  std::unique_ptr<EventLoop> loop = *EventLoop::Create();
  WorkerFleet fleet{*loop, [](KeeperMessageType, int, pid_t) {}};
  Fd listener = EmptyTable();
  Fd worker;
  std::string kept;
  TicketKeys keys;
  TicketRotation rotation{*loop, fleet,
                          [this](absl::string_view bytes) { kept = std::string(bytes); }};
};

TEST(TicketRotationTest, ManagerThatFollowsGoesOnWithTheKeysThatWereKept) {
  FakeManager first;
  first.rotation.Begin(kRandom, "");
  const TicketKeys keys = first.Told();
  EXPECT_FALSE(keys == TicketKeys());

  FakeManager next;
  next.rotation.Begin(kRandom, first.kept);
  EXPECT_THAT(keys.current, AnyOf(next.Told().current, next.Told().previous));
  EXPECT_EQ(next.kept, first.kept);

  FakeManager stranger;  // whose keeper has nothing
  stranger.rotation.Begin(kRandom, "");
  for (const TicketKey& key : {stranger.Told().previous, stranger.Told().current}) {
    EXPECT_FALSE(key == keys.current);
  }
}

TEST(TicketRotationTest, ManagersWithOneSecretUnderstandEachOther) {
  FakeManager blue;
  FakeManager red;
  blue.rotation.Begin(kShared, "");
  red.rotation.Begin(kShared, "");
  const TicketKeys keys = red.Told();
  EXPECT_THAT(blue.Told().current, AnyOf(keys.previous, keys.current, keys.next));
}

TEST(TicketRotationTest, KeysAreReplacedInTime) {
  FakeManager manager;
  manager.rotation.Begin({.rotation = 2s}, "");
  const TicketKeys first = manager.Told();
  const std::string kept = manager.kept;
  const TimePoint end = Now() + 10s;
  while (manager.Told() == first && Now() < end) manager.loop->Turn(20ms);
  // A machine that has much else to do may be an epoch late.
  EXPECT_THAT(manager.Told().previous, AnyOf(first.current, first.next));
  EXPECT_NE(manager.kept, kept);
}

TEST(TicketRotationTest, OnlyAnotherConfigurationReplacesThemAtOnce) {
  FakeManager manager;
  manager.rotation.Begin(kRandom, "");
  const TicketKeys keys = manager.Told();
  manager.rotation.Follow(kRandom);
  EXPECT_EQ(manager.Told(), keys);
  manager.rotation.Follow(kShared);
  const TicketKeys shared = manager.Told();
  EXPECT_FALSE(shared == keys);
  manager.rotation.Follow({.rotation = 2h, .secret = kShared.secret});
  EXPECT_FALSE(manager.Told() == shared);
}

}  // namespace
}  // namespace koi
