// SPDX-License-Identifier: Apache-2.0
// One slot's life, who has how many slots, and whose number is free.
#include "manager/l4/slot_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "manager/l4/backend_references.h"
#include "manager/l4/wanted_ring.h"

namespace koi {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::Field;

constexpr uint16_t kOld = 1;
constexpr uint16_t kNew = 2;
constexpr uint16_t kOther = 3;
const TimePoint kStart = FromNanoseconds(1'000'000'000'000);

class SlotRulesTest : public ::testing::Test {
 protected:
  SlotStep Plan(const RingSlot& slot, uint16_t wanted, Duration after = seconds(0)) {
    rules.now = kStart + after;
    return PlanSlot(slot, kStart, wanted, rules);
  }

  std::vector<bool> down = {true, false, false, false};
  SlotRules rules{.handshake = seconds(4), .down = &down};
  const RingSlot rest{.current = kOld, .epoch = 6};
  const RingSlot moved{.current = kNew, .previous = kOld, .epoch = 7, .moved = true};
};

TEST_F(SlotRulesTest, SlotThatIsWhatItShouldBeStays) {
  EXPECT_EQ(Plan(rest, kOld).slot, rest);
  EXPECT_EQ(Plan(moved, kNew).slot, moved);
}

TEST_F(SlotRulesTest, PlannedChangeWaitsForHandshakes) {
  const SlotStep first = Plan(rest, kNew);
  EXPECT_TRUE(first.leaves_rest);
  EXPECT_EQ(first.slot, (RingSlot{.current = kOld, .previous = kOld, .epoch = 7, .moved = true}));
  EXPECT_EQ(first.again, kStart + seconds(4));

  EXPECT_EQ(Plan(first.slot, kNew, seconds(3)).slot, first.slot);
  const SlotStep then = Plan(first.slot, kNew, seconds(4));
  EXPECT_EQ(then.slot, moved);
  EXPECT_FALSE(then.leaves_rest);
}

TEST_F(SlotRulesTest, LaterChangesLeavePreviousAndEpochAlone) {
  const RingSlot again = Plan(moved, kOther, seconds(9)).slot;
  EXPECT_EQ(again, (RingSlot{.current = kOther, .previous = kOld, .epoch = 7, .moved = true}));
  const RingSlot back = Plan(again, kOld, seconds(10)).slot;
  EXPECT_EQ(back, (RingSlot{.current = kOld, .previous = kOld, .epoch = 7, .moved = true}));
}

TEST_F(SlotRulesTest, FlowsOfADownBackendFollowAtOnce) {
  down[kOld] = true;
  EXPECT_EQ(Plan(rest, kNew).slot, (RingSlot{.current = kNew, .epoch = 6}));
  EXPECT_EQ(Plan(moved, kNew).slot,
            (RingSlot{.current = kNew, .previous = kNew, .epoch = 7, .moved = true}));
  EXPECT_EQ(Plan(rest, 0).slot, (RingSlot{.current = 0, .epoch = 6}));
}

TEST_F(SlotRulesTest, FlowsOfADownBackendStayWhereThePoolSaysSo) {
  down[kOld] = true;
  rules.flows_leave_down_backends = false;
  const SlotStep step = Plan(rest, kNew);
  EXPECT_TRUE(step.leaves_rest);
  EXPECT_EQ(step.slot, moved);
  EXPECT_EQ(Plan(moved, kOther, seconds(9)).slot.previous, kOld);
}

TEST_F(SlotRulesTest, SlotWithoutABackendHasNobodyToKeep) {
  EXPECT_EQ(Plan({.epoch = 6}, kNew).slot, (RingSlot{.current = kNew, .epoch = 6}));
  const RingSlot empty{.current = 0, .previous = 0, .epoch = 7, .moved = true};
  EXPECT_EQ(Plan(empty, kNew).slot,
            (RingSlot{.current = kNew, .previous = kNew, .epoch = 7, .moved = true}));
}

TEST_F(SlotRulesTest, SlotRestsWhenNobodyNeedsThatItMoved) {
  SlotUse use{.times = {.left_rest = kStart, .previous_used = kStart + seconds(5)}};
  const Duration idle = seconds(60);
  EXPECT_FALSE(MayRest(moved, use, kStart + seconds(66), idle));
  EXPECT_TRUE(MayRest(moved, use, kStart + seconds(67), idle));
  use.previous_may_gain = true;
  EXPECT_FALSE(MayRest(moved, use, kStart + seconds(67), idle));
  RingSlot same = moved;
  same.previous = same.current;
  EXPECT_TRUE(MayRest(same, use, kStart + seconds(1), idle)) << "previous is no other backend";
  use.entry_elsewhere = true;
  EXPECT_FALSE(MayRest(same, use, kStart + seconds(999), idle));
}

TEST_F(SlotRulesTest, EntryLivesAsLongAsItsSlotsEpochAndItsFlow) {
  const IdleTimes idle{.tcp = seconds(60), .udp = seconds(30)};
  Flow flow{.used = kStart, .epoch = 7, .protocol = IPPROTO_TCP};
  EXPECT_FALSE(IsDead(flow, moved, kStart + seconds(61), idle));
  EXPECT_TRUE(IsDead(flow, moved, kStart + seconds(62), idle));
  EXPECT_TRUE(IsDead(flow, rest, kStart, idle));
  flow.protocol = IPPROTO_UDP;
  EXPECT_TRUE(IsDead(flow, moved, kStart + seconds(32), idle));
  flow.epoch = 6;
  EXPECT_TRUE(IsDead(flow, moved, kStart, idle));
}

BackendEntry Up(uint32_t number, const char* name, Duration since) {
  BackendEntry entry;
  entry.number = number;
  entry.health = BackendHealth::kUp;
  entry.up_since = kStart + since;
  entry.name = name;
  return entry;
}

TEST(WantedRingTest, BackendThatComesLaterGetsItsShareInSteps) {
  const std::vector<BackendEntry> entries = {Up(1, "a", seconds(0)), Up(2, "b", seconds(4)),
                                             Up(3, "c", seconds(100))};
  const auto weights = [&](Duration after) {
    return WantedOf(entries, seconds(40), kStart + after);
  };
  const WantedRing begun = weights(seconds(101));
  EXPECT_EQ(begun.until, kStart + seconds(110));
  ASSERT_EQ(begun.backends.size(), 3U);
  EXPECT_EQ(begun.backends[0].weight, begun.backends[1].weight);
  EXPECT_EQ(begun.backends[0].weight, 4 * begun.backends[2].weight);
  EXPECT_EQ(weights(seconds(121)).backends[2].weight, 3 * begun.backends[2].weight);
  EXPECT_EQ(weights(seconds(140)).until, TimePoint::max());
}

TEST(WantedRingTest, WhoIsNotUsableHasNoSlot) {
  std::vector<BackendEntry> entries = {Up(1, "a", seconds(0)), Up(2, "b", seconds(0)),
                                       Up(3, "c", seconds(0))};
  entries[0].admin = BackendAdmin::kDraining;
  entries[1].health = BackendHealth::kDown;
  EXPECT_THAT(WantedOf(entries, seconds(0), kStart).backends,
              ElementsAre(Field(&MaglevBackend::name, "c")));
}

TEST(BackendReferencesTest, NumberIsFreeTwoLooksAfterItsLastName) {
  BackendReferences references;
  const RingSlot slot{.current = kNew, .previous = kOld, .epoch = 1, .moved = true};
  references.Add(slot);
  const auto look = [&](uint16_t seen) {
    references.LookBegins();
    references.Seen(seen);
    references.LookEnds();
  };
  for (int i = 0; i < 3; ++i) look(0);
  EXPECT_FALSE(references.Free(kOld));
  references.Remove(slot);
  look(0);
  EXPECT_FALSE(references.Free(kOld));
  look(kNew);
  EXPECT_TRUE(references.Free(kOld));
  EXPECT_FALSE(references.Free(kNew));
  look(0);
  EXPECT_TRUE(references.Free(kNew));
}

}  // namespace
}  // namespace koi
