// SPDX-License-Identifier: Apache-2.0
// A pool's arrays: made, found again, replaced, removed; and entries of flows, walked through and
// removed.
#include "dataplane/ring_maps.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <koi/abi/flow.h>
#include <koi/abi/ring.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "dataplane/flow_map.h"
#include "unit/dataplane/loaded_object.h"

namespace koi {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kPool = 7;
constexpr uint32_t kSlots = 65'537;
constexpr RingSlot kMoved = {.current = 3, .previous = 2, .epoch = 9, .moved = true};

// One for all tests: the verifier takes its time.
class WithObject : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { shared = std::make_unique<LoadedObject>(); }
  static void TearDownTestSuite() { shared.reset(); }
  static std::unique_ptr<LoadedObject> shared;

  LoadedObject& object = *shared;
};
std::unique_ptr<LoadedObject> WithObject::shared;

class RingMapsTest : public WithObject {
 protected:
  void TearDown() override { EXPECT_TRUE(maps.RemoveOthers({}).ok()); }
  bool Pinned(const std::string& path) const {
    return ::access(absl::StrCat(object.directory(), "/", path).c_str(), F_OK) == 0;
  }
  // Whether koi_xdp finds an array for the pool in `outer`.
  bool Found(const char* outer, uint32_t pool = kPool) const {
    uint32_t id = 0;
    return bpf_map_lookup_elem(object.MapFd(outer).get(), &pool, &id) == 0;
  }

  RingMaps maps = *RingMaps::Open(*object);
};

TEST_F(RingMapsTest, RingIsFoundAgainWithAllThatWasWritten) {
  {
    absl::StatusOr<PoolRing> ring = maps.OpenRing(kPool, "web.v2", 13);
    ASSERT_TRUE(ring.ok()) << ring.status();
    EXPECT_EQ(ring->Read(12), RingSlot());
    ring->Write(12, kMoved);
    EXPECT_FALSE(Found("koi_rings"));
    ASSERT_TRUE(maps.Publish(*ring).ok());
    EXPECT_TRUE(Found("koi_rings"));
    EXPECT_FALSE(ring->has_times());
    ASSERT_TRUE(maps.MakeTimes(*ring).ok());
    ring->WriteTimes(12, {.left_rest = FromNanoseconds(5), .previous_used = FromNanoseconds(6)});
  }
  EXPECT_TRUE(Found("koi_slots"));
  EXPECT_TRUE(Pinned("rings/web:v2"));
  EXPECT_TRUE(Pinned("slots/web:v2"));

  const auto successor = BpfObject::Load(object.directory(), ExistingMaps::kReuse);
  ASSERT_TRUE(successor.ok()) << successor.status();
  absl::StatusOr<RingMaps> later = RingMaps::Open(**successor);
  ASSERT_TRUE(later.ok());
  absl::StatusOr<PoolRing> ring = later->OpenRing(kPool, "web.v2", 13);
  ASSERT_TRUE(ring.ok()) << ring.status();
  EXPECT_EQ(ring->Read(12), kMoved);
  ASSERT_TRUE(ring->has_times());
  EXPECT_EQ(ring->Times(12).left_rest, FromNanoseconds(5));
  EXPECT_EQ(ring->Times(12).previous_used, FromNanoseconds(6));
  ASSERT_TRUE(later->Publish(*ring).ok());
}

TEST_F(RingMapsTest, RingOfAnotherSizeIsReplaced) {
  absl::StatusOr<PoolRing> old = maps.OpenRing(kPool, "web", 13);
  ASSERT_TRUE(old.ok() && maps.MakeTimes(*old).ok() && maps.Publish(*old).ok());
  absl::StatusOr<PoolRing> ring = maps.OpenRing(kPool, "web", 17);
  ASSERT_TRUE(ring.ok()) << ring.status();
  EXPECT_EQ(ring->slots(), 17U);
  EXPECT_FALSE(ring->has_times());
  EXPECT_FALSE(Pinned("slots/web"));
  EXPECT_EQ(maps.OpenRing(kPool, "web", 17)->slots(), 17U);
}

TEST_F(RingMapsTest, WhatIsNoRingIsRefused) {
  ASSERT_EQ(bpf_obj_pin(object.MapFd("koi_gates").get(),
                        absl::StrCat(object.directory(), "/rings/web").c_str()),
            0);
  const absl::Status status = maps.OpenRing(kPool, "web", 13).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("koi cleanup removes it"));
}

TEST_F(RingMapsTest, RemovedRingLeavesNothing) {
  absl::StatusOr<PoolRing> ring = maps.OpenRing(kPool, "web", 13);
  ASSERT_TRUE(ring.ok() && maps.MakeTimes(*ring).ok() && maps.Publish(*ring).ok());
  ASSERT_TRUE(maps.Remove(*ring).ok());
  EXPECT_FALSE(Found("koi_rings") || Found("koi_slots"));
  EXPECT_FALSE(Pinned("rings/web") || Pinned("slots/web"));
}

TEST_F(RingMapsTest, RingsOfPoolsThatWentAreRemoved) {
  for (uint32_t pool : {1U, 2U}) {
    absl::StatusOr<PoolRing> ring = maps.OpenRing(pool, absl::StrCat("p.", pool), 13);
    ASSERT_TRUE(ring.ok() && maps.MakeTimes(*ring).ok() && maps.Publish(*ring).ok());
  }
  ASSERT_TRUE(maps.RemoveOthers({{.number = 2, .name = "p.2"}}).ok());
  EXPECT_TRUE(Found("koi_rings", 2) && Found("koi_slots", 2));
  EXPECT_TRUE(Pinned("rings/p:2") && Pinned("slots/p:2"));
  EXPECT_FALSE(Found("koi_rings", 1) || Found("koi_slots", 1));
  EXPECT_FALSE(Pinned("rings/p:1") || Pinned("slots/p:1"));
}

TEST_F(RingMapsTest, LeftoverRingsOfADeadRunAreReplaced) {
  { ASSERT_TRUE(maps.OpenRing(kPool, "web", 13).ok()); }
  const auto second = BpfObject::Load(object.directory(), ExistingMaps::kReplace);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(Pinned("rings/web"));
}

TEST_F(RingMapsTest, RingIsWrittenInLittleTime) {
  const TimePoint begin = Now();
  absl::StatusOr<PoolRing> ring = maps.OpenRing(kPool, "web", kSlots);
  ASSERT_TRUE(ring.ok()) << ring.status();
  const TimePoint made = Now();
  for (uint32_t slot = 0; slot < kSlots; ++slot) ring->Write(slot, kMoved);
  const TimePoint written = Now();
  for (uint32_t slot = 0; slot < kSlots; ++slot) ring->Write(slot, kMoved);
  const TimePoint again = Now();
  ASSERT_TRUE(maps.Publish(*ring).ok());
  const TimePoint published = Now();
  ASSERT_TRUE(maps.MakeTimes(*ring).ok());
  const auto measured = [](const char* what, Duration took) {
    std::printf("measured ring_%s %.2f ms\n", what, static_cast<double>(took.count()) / 1e6);
  };
  measured("made", made - begin);
  measured("first_written", written - made);
  measured("written", again - written);
  measured("published", published - again);
  measured("times_made", Now() - published);
}

class FlowMapTest : public WithObject {
 protected:
  void TearDown() override {
    for (const uint64_t word : Words(100))
      EXPECT_TRUE(flows.RemoveIf({{word, ~word}}, [](const Flow&) { return true; }).ok());
  }
  void Enter(uint64_t word, uint16_t backend) {
    const koi_flow_key key = {{word, ~word}};
    koi_flow flow = {};
    flow.used_ns = 77;
    flow.slot = 5;
    flow.pool = 6;
    flow.backend = backend;
    flow.epoch = 8;
    flow.protocol = IPPROTO_UDP;
    ASSERT_EQ(bpf_map_update_elem(object.MapFd("koi_flows").get(), &key, &flow, BPF_ANY), 0);
  }
  std::multiset<uint64_t> Words(size_t budget) {
    std::multiset<uint64_t> words;
    FlowMap::Place place;
    for (bool through = false; !through;) {
      through = *flows.Walk(place, budget, [&](const FlowKey& key, const Flow& flow) {
        words.insert(key.words[0]);
        seen = flow;
      });
    }
    return words;
  }

  FlowMap flows{object.MapFd("koi_flows"), object.MapFd("koi_flow_state")};
  Flow seen;
};

TEST_F(FlowMapTest, WalkVisitsEveryEntryOnce) {
  EXPECT_TRUE(Words(1).empty());
  std::multiset<uint64_t> entered;
  for (uint64_t word = 1; word <= 3000; ++word) {
    Enter(word, 2);
    entered.insert(word);
  }
  EXPECT_EQ(Words(100), entered);
  EXPECT_EQ(Words(100'000), entered);
  EXPECT_EQ(seen.used, FromNanoseconds(77));
  EXPECT_EQ(seen.slot, 5U);
  EXPECT_EQ(seen.pool, 6);
  EXPECT_EQ(seen.backend, 2);
  EXPECT_EQ(seen.epoch, 8);
  EXPECT_EQ(seen.protocol, IPPROTO_UDP);
}

TEST_F(FlowMapTest, EntryThatLivesAgainIsPutBack) {
  Enter(1, 2);
  Enter(2, 3);
  for (const uint64_t word : {1, 2, 3}) {
    ASSERT_TRUE(
        flows.RemoveIf({{word, ~word}}, [](const Flow& flow) { return flow.backend == 2; }).ok());
  }
  EXPECT_EQ(Words(100), (std::multiset<uint64_t>{2}));
  EXPECT_EQ(flows.Refusals()->count, 0U);
}

TEST(FlowMapSizeTest, ConfigurationSetsTheNumberOfEntries) {
  const std::string pins = NewPinDirectory();
  {
    const auto object = BpfObject::Load(pins, ExistingMaps::kReplace, {.flows = 1000});
    ASSERT_TRUE(object.ok()) << object.status();
    EXPECT_EQ(ShapeOf((*object)->MapFd("koi_flows")->get())->entries, 1000U);
  }
  EXPECT_TRUE(RemovePins(pins).ok());
}

}  // namespace
}  // namespace koi
