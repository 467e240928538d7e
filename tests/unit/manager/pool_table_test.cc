// SPDX-License-Identifier: Apache-2.0
// The table of backends over the real map: changes by the CLI, and what a manager that starts anew
// finds.
#include "manager/pool_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/bpffs.h"
#include "dataplane/loader.h"
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
  std::vector<std::string> added;
  std::vector<std::string> removed;
  std::vector<PoolConfig> pools = {
      {.name = "web",
       .backends = {Backend("web-1", "10.0.0.1:80"), Backend("web-2", "10.0.0.2:80")}},
      {.name = "mail", .backends = {Backend("mail-1", "10.0.0.3:25")}}};
  uint32_t in_use = 0;

  void TearDown() override { EXPECT_TRUE(RemovePins(pins).ok()); }
  void BackendAdded(const BackendEntry& backend) override { added.push_back(backend.name); }
  void BackendRemoved(const BackendEntry& backend) override { removed.push_back(backend.name); }

  static BackendConfig Backend(const char* name, const char* endpoint, uint32_t weight = 100) {
    return {name, *Endpoint::Parse(endpoint), weight};
  }
  // A manager's table, as it is after that manager has started.
  PoolTable Start() {
    added.clear();
    PoolTable table(*BackendMap::Open(*object->MapFd("koi_backends")), pools, *this,
                    [this](uint32_t number) { return number != in_use; });
    EXPECT_TRUE(table.Reconcile().ok());
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
  EXPECT_THAT(added, ElementsAre("web-1", "web-2", "mail-1"));
  for (const BackendEntry& entry : table.List()) EXPECT_FALSE(entry.usable());
}

TEST_F(PoolTableTest, WhatTheCliDidIsThereAfterTheManagerStartedAnew) {
  {
    PoolTable table = Start();
    ASSERT_TRUE(table.Add("web", "web-3", *Endpoint::Parse("10.0.0.9:80"), 50).ok());
    ASSERT_TRUE(table.SetAdmin("web", "web-1", BackendAdmin::kDraining).ok());
    table.SetHealth(table.List()[1].number, BackendHealth::kUp);
  }
  const PoolTable table = Start();
  EXPECT_THAT(Names(table), ElementsAre("web/web-1", "web/web-2", "mail/mail-1", "web/web-3"));
  EXPECT_EQ(table.List()[0].admin, BackendAdmin::kDraining);
  EXPECT_EQ(table.List()[1].health, BackendHealth::kUp);
  EXPECT_EQ(table.List()[3].weight, 50u);
}

TEST_F(PoolTableTest, BackendThatLeftTheFileGoesAndOneThatMovedIsAnother) {
  const uint32_t before = Start().List()[0].incarnation;
  pools[0].backends = {Backend("web-1", "10.0.0.77:80")};
  const PoolTable table = Start();
  EXPECT_THAT(Names(table), testing::UnorderedElementsAre("web/web-1", "mail/mail-1"));
  EXPECT_THAT(added, testing::UnorderedElementsAre("web-1", "mail-1"));
  for (const BackendEntry& entry : table.List()) {
    if (entry.name == "web-1") {
      EXPECT_EQ(entry.endpoint.ToString(), "10.0.0.77:80");
      EXPECT_EQ(entry.health, BackendHealth::kUnknown) << before;
    }
  }
}

TEST_F(PoolTableTest, RemovedBackendIsToldAndItsNumberWaitsForItsLastConnection) {
  PoolTable table = Start();
  const uint32_t number = table.List()[0].number;
  in_use = number;
  ASSERT_TRUE(table.Remove("web", "web-1").ok());
  EXPECT_THAT(removed, ElementsAre("web-1"));
  for (int i = 0; i < 1100; ++i) {
    const auto backend = table.Add("web", "again", *Endpoint::Parse("10.0.0.4:80"), 1);
    ASSERT_TRUE(backend.ok()) << backend.status();
    ASSERT_NE(backend->number, number);
    ASSERT_TRUE(table.Remove("web", "again").ok());
  }
}

TEST_F(PoolTableTest, TableThatIsFullSaysSo) {
  PoolTable table = Start();
  absl::Status added_last;
  for (int i = 0; added_last.ok() && i < 2000; ++i) {
    added_last =
        table.Add("web", "b" + std::to_string(i), *Endpoint::Parse("10.0.0.4:80"), 1).status();
  }
  EXPECT_TRUE(absl::IsResourceExhausted(added_last)) << added_last;
}

TEST_F(PoolTableTest, MistakesSayWhatThereIs) {
  PoolTable table = Start();
  const Endpoint endpoint = *Endpoint::Parse("10.0.0.4:80");
  EXPECT_THAT(std::string(table.Add("wbe", "x", endpoint, 1).status().message()),
              HasSubstr("did you mean \"web\"?"));
  EXPECT_THAT(std::string(table.Remove("web", "nothing").status().message()),
              HasSubstr("there are: web-1, web-2"));
  EXPECT_EQ(table.Add("web", "web-1", endpoint, 1).status().message(),
            "pool \"web\" already has a backend \"web-1\", 10.0.0.1:80");
  EXPECT_THAT(removed, IsEmpty());
}

}  // namespace
}  // namespace koi
