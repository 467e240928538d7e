// SPDX-License-Identifier: Apache-2.0
// The table of backends over the real map: changes by the CLI, and what a manager that starts anew
// finds.
#include "manager/pool_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <memory>

#include "dataplane/bpffs.h"
#include "dataplane/loader.h"
#include "manager/l4_rings.h"
#include "support/packet/sandbox.h"

namespace koi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PoolTableTest : public testing::Test, protected PoolTableObserver {
 protected:
  std::string pins = NewPinDirectory();
  std::unique_ptr<BpfObject> object = *BpfObject::Load(pins, ExistingMaps::kReplace);
  std::vector<std::string> present;
  std::vector<std::string> removed;
  std::vector<PoolConfig> pools = {
      {.number = 4,
       .name = "web",
       .backends = {Backend("web-1", "10.0.0.1:80"), Backend("web-2", "10.0.0.2:80")}},
      {.number = 7, .name = "mail", .backends = {Backend("mail-1", "10.0.0.3:25")}}};
  uint32_t in_use = 0;

  void TearDown() override { EXPECT_TRUE(RemovePins(pins).ok()); }
  void BackendPresent(const BackendEntry& backend, const CheckConfig&) override {
    present.push_back(backend.name);
  }
  void BackendRemoved(const BackendEntry& backend) override { removed.push_back(backend.name); }
  void BackendsChanged() override {
    if (changed) changed();
  }
  std::function<void()> changed;

  static BackendConfig Backend(const std::string& name, const char* endpoint,
                               uint32_t weight = 100) {
    return {.name = name, .endpoint = *Endpoint::Parse(endpoint), .weight = weight};
  }
  // A manager's table, not filled.
  PoolTable Open() {
    return PoolTable(*BackendMap::Open(*object->MapFd("koi_backends")), *this,
                     [this](uint32_t number) { return number != in_use; });
  }
  // Makes `table` what `pools` says.
  absl::Status Fill(PoolTable& table) {
    present.clear();
    removed.clear();
    const absl::Status added = table.AddMissing(pools);
    table.RemoveOthers(pools);
    return added;
  }
  // As it is after a manager has started.
  PoolTable Start() {
    PoolTable table = Open();
    EXPECT_TRUE(Fill(table).ok());
    return table;
  }
  static std::vector<std::string> Names(const PoolTable& table) {
    std::vector<std::string> names;
    for (const BackendEntry& entry : table.List())
      names.push_back(entry.pool_name + "/" + entry.name);
    return names;
  }
};

TEST_F(PoolTableTest, ConfiguredBackendsAreThereAndNotYetUsable) {
  const PoolTable table = Start();
  EXPECT_THAT(Names(table), ElementsAre("web/web-1", "web/web-2", "mail/mail-1"));
  EXPECT_THAT(present, ElementsAre("web-1", "web-2", "mail-1"));
  EXPECT_EQ(table.List()[2].pool, 7U);
  for (const BackendEntry& entry : table.List()) EXPECT_FALSE(entry.usable());
  EXPECT_FALSE(table.AllChecked(pools));
}

TEST_F(PoolTableTest, WhatStaysKeepsNumberAndHealthOverAManagersStart) {
  pools[0].backends.push_back(Backend("web-3", "10.0.0.9:80", 50));
  pools[0].backends.back().from_cli = true;
  pools[0].backends.front().draining = true;
  uint32_t number = 0;
  {
    PoolTable table = Start();
    number = table.List()[1].number;
    table.SetHealth(number, BackendHealth::kUp);
  }
  const PoolTable table = Start();
  EXPECT_THAT(present, testing::UnorderedElementsAre("web-1", "web-2", "web-3", "mail-1"));
  EXPECT_EQ(table.List()[0].admin, BackendAdmin::kDraining);
  EXPECT_EQ(table.List()[1].health, BackendHealth::kUp);
  EXPECT_EQ(table.List()[1].number, number);
  EXPECT_EQ(table.List()[2].weight, 50U);
  EXPECT_EQ(table.List()[2].origin, BackendOrigin::kCli);
  EXPECT_THAT(removed, IsEmpty());
}

TEST_F(PoolTableTest, ChangedBackendKeepsItsNumberAndReadersAreToldOfItsWeight) {
  PoolTable table = Start();
  const BackendView view = *BackendView::Open(table.map_fd());
  const BackendEntry before = table.List()[0];
  const uint32_t generation = view.generation();
  EXPECT_TRUE(Fill(table).ok());
  EXPECT_EQ(view.generation(), generation);

  pools[0].backends[0].weight = 7;
  EXPECT_TRUE(Fill(table).ok());
  EXPECT_NE(view.generation(), generation);
  EXPECT_EQ(view.Read(before.number)->weight, 7U);
  EXPECT_EQ(view.Read(before.number)->incarnation, before.incarnation);
}

TEST_F(PoolTableTest, OneThatMovedIsAnotherAndTheOldOneStaysUntilTheSecondHalf) {
  PoolTable table = Start();
  for (const BackendEntry& entry : table.List()) table.SetHealth(entry.number, BackendHealth::kUp);
  EXPECT_TRUE(table.AllChecked(pools));
  pools[0].backends = {Backend("web-1", "10.0.0.77:80")};
  ASSERT_TRUE(table.AddMissing(pools).ok());
  EXPECT_THAT(Names(table), ElementsAre("web/web-1", "web/web-2", "mail/mail-1", "web/web-1"));
  EXPECT_FALSE(table.AllChecked(pools));
  EXPECT_THAT(removed, IsEmpty());

  table.RemoveOthers(pools);
  EXPECT_THAT(Names(table), ElementsAre("mail/mail-1", "web/web-1"));
  EXPECT_THAT(removed, ElementsAre("web-1", "web-2"));
  EXPECT_EQ(table.List()[1].endpoint.ToString(), "10.0.0.77:80");
}

TEST_F(PoolTableTest, PoolOfAnotherNumberIsAnotherPool) {
  PoolTable table = Start();
  pools[1].number = 9;
  EXPECT_TRUE(Fill(table).ok());
  EXPECT_THAT(removed, ElementsAre("mail-1"));
  EXPECT_EQ(table.List()[2].pool, 9U);
}

TEST_F(PoolTableTest, NumberOfARemovedOneWaitsForItsLastConnection) {
  PoolTable table = Start();
  const uint32_t number = table.List()[0].number;
  in_use = number;
  pools[0].backends.erase(pools[0].backends.begin());
  ASSERT_TRUE(Fill(table).ok());
  for (int i = 0; i < 1100; ++i) {
    pools[0].backends.push_back(Backend("again", "10.0.0.4:80"));
    ASSERT_TRUE(Fill(table).ok());
    for (const BackendEntry& entry : table.List()) ASSERT_NE(entry.number, number);
    pools[0].backends.pop_back();
    ASSERT_TRUE(Fill(table).ok());
  }
}

TEST_F(PoolTableTest, BackendOfAnL4PoolRetiresUntilNothingNamesIt) {
  pools[0].l4.forward = Forward::kDsr;
  PoolTable table = Start();
  const BackendEntry before = table.List()[1];
  EXPECT_TRUE(before.l4);
  EXPECT_GE(before.number, 1024U);
  EXPECT_FALSE(table.List()[0].l4);
  const BackendConfig goes = pools[0].backends[0];
  pools[0].backends.erase(pools[0].backends.begin());
  ASSERT_TRUE(Fill(table).ok());
  EXPECT_THAT(Names(table), ElementsAre("mail/mail-1", "web/web-2"));
  EXPECT_THAT(removed, IsEmpty());
  ASSERT_EQ(table.ListAll().size(), 3U);
  EXPECT_EQ(table.ListAll()[1].admin, BackendAdmin::kDraining);

  pools[0].backends.push_back(goes);
  ASSERT_TRUE(Fill(table).ok());
  EXPECT_EQ(table.List()[1].number, before.number) << "it is the same one, and back";
  EXPECT_EQ(table.List()[1].admin, BackendAdmin::kEnabled);

  pools[0].backends.pop_back();
  PoolTable next = Start();
  EXPECT_THAT(Names(next), ElementsAre("mail/mail-1", "web/web-2"));
  next.FreeRetired([](uint32_t) { return false; });
  EXPECT_EQ(next.ListAll().size(), 3U);
  next.FreeRetired([](uint32_t) { return true; });
  EXPECT_EQ(next.ListAll().size(), 2U);
  EXPECT_THAT(removed, ElementsAre("web-1"));
}

TEST_F(PoolTableTest, RingFollowsItsBackends) {
  pools[0].l4.forward = Forward::kDsr;
  pools[0].l4.ring_size = 5003;
  Config config;
  config.pools = pools;
  PoolTable table = Start();
  const auto loop = *EventLoop::Create();
  const auto make = [&] {
    return std::make_unique<L4Rings>(
        *loop, table,
        RingKeeper(*RingMaps::Open(*object),
                   FlowMap(*object->MapFd("koi_flows"), *object->MapFd("koi_flow_state"))));
  };
  auto rings = make();
  changed = [&] { rings->BackendsChanged(); };
  ASSERT_TRUE(rings->AddMissing(config).ok());
  const auto reader = RingMaps::Open(*object)->OpenRing(4, "web", 5003);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto share = [&](uint32_t number) {
    uint32_t slots = 0;
    for (uint32_t slot = 0; slot < 5003; ++slot) slots += reader->Read(slot).current == number;
    return slots;
  };
  const uint32_t one = table.List()[1].number;
  const uint32_t two = table.List()[2].number;
  EXPECT_EQ(share(0), 5003U) << "none has been checked";
  table.SetHealth(one, BackendHealth::kUp);
  EXPECT_EQ(share(0), 5003U) << "the other one has not";
  table.SetHealth(two, BackendHealth::kUp);
  EXPECT_NEAR(share(one), 2501, 1);
  EXPECT_NEAR(share(two), 2501, 1);
  EXPECT_EQ(rings->Figures(4).moved, 0U);

  table.SetHealth(one, BackendHealth::kDown);
  EXPECT_EQ(share(two), 5003U);
  EXPECT_EQ(rings->Figures(4).moved, 0U);
  table.SetHealth(one, BackendHealth::kUp);
  EXPECT_EQ(share(two), 5003U) << "a planned change waits";
  EXPECT_NEAR(rings->Figures(4).moved, 2501, 1);

  // Another manager finds it so, and moves nothing.
  changed = nullptr;
  rings = make();
  ASSERT_TRUE(rings->AddMissing(config).ok());
  EXPECT_EQ(share(two), 5003U);
  EXPECT_NEAR(rings->Figures(4).moved, 2501, 1);
  EXPECT_FALSE(rings->Free(two));
}

TEST_F(PoolTableTest, RingOfAThousandBackendsChangesInLittleTime) {
  RingKeeper keeper(*RingMaps::Open(*object),
                    FlowMap(*object->MapFd("koi_flows"), *object->MapFd("koi_flow_state")));
  keeper.SetTimes({.handshake = kL4Handshake, .full = kL4Full});
  std::vector<BackendEntry> backends(1000);
  for (uint32_t i = 0; i < backends.size(); ++i) {
    backends[i].number = 2000 + i;
    backends[i].health = BackendHealth::kUp;
    backends[i].pool = 4;
    backends[i].pool_name = "big";
    backends[i].name = "b" + std::to_string(i);
  }
  const auto measured = [&](const char* what, TimePoint at, const auto& change) {
    const TimePoint begin = Now();
    change();
    keeper.SetBackends(backends);
    (void)keeper.Advance(at);
    std::printf("measured ring_%s_1000 %.1f ms\n", what,
                static_cast<double>((Now() - begin).count()) / 1e6);
  };
  const TimePoint start = CoarseNow();
  measured("made", start, [&] {
    ASSERT_TRUE(keeper.AddMissing({{.number = 4, .name = "big", .slots = 65'537}}, start).ok());
  });
  measured("one_down", start + std::chrono::seconds(20),
           [&] { backends[7].health = BackendHealth::kDown; });
  measured("all_weights", start + std::chrono::seconds(40), [&] {
    for (uint32_t i = 0; i < backends.size(); ++i) backends[i].weight = 10 + i % 190;
  });
  EXPECT_GT(keeper.Figures(4).moved, 10'000U);
  measured("swapped", start + std::chrono::seconds(50), [] {});
  EXPECT_TRUE(keeper.RemoveOthers({}).ok());
}

TEST_F(PoolTableTest, TableThatIsFullSaysSo) {
  PoolTable table = Open();
  for (int i = 0; i < 1100; ++i) {
    pools[0].backends.push_back(Backend("b" + std::to_string(i), "10.0.0.4:80"));
  }
  const absl::Status added = table.AddMissing(pools);
  EXPECT_TRUE(absl::IsResourceExhausted(added)) << added;
  EXPECT_THAT(std::string(added.message()), HasSubstr("cannot add backend \"b1021\""));
}

}  // namespace
}  // namespace koi
