// SPDX-License-Identifier: Apache-2.0
// The list of denied clients over the real maps: orders, the file, and what a manager that starts
// anew finds.
#include "manager/deny_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <optional>

#include "absl/strings/str_join.h"
#include "base/file.h"
#include "dataplane/bpffs.h"
#include "dataplane/loader.h"
#include "support/packet/sandbox.h"

namespace koi {
namespace {

using testing::HasSubstr;

class DenyListTest : public testing::Test {
 protected:
  DenyListTest() {
    std::string name = testing::TempDir() + "koi-deny-XXXXXX";
    folder = std::string(::mkdtemp(name.data())) + "/state";
  }
  void TearDown() override {
    denied.reset();
    EXPECT_TRUE(RemovePins(pins).ok());
    std::filesystem::remove_all(std::filesystem::path(folder).parent_path());
  }

  DenyMap Map() { return DenyMap(*object->MapFd("koi_deny4"), *object->MapFd("koi_deny6")); }
  // As a manager that starts; its warning.
  std::string Start() {
    denied.emplace(*loop, folder, Map(), [this](bool any) {
      asked = any;
      return absl::OkStatus();
    });
    std::optional<std::string> warning;
    denied->SetUp([&](const std::string& sentence) { warning = sentence; });
    while (!warning.has_value()) loop->Turn(std::chrono::milliseconds(5));
    return *warning;
  }
  static std::string Order(const std::vector<std::string>& prefixes, bool replace = false) {
    DenyOrder order{.replace = replace};
    for (const std::string& prefix : prefixes)
      order.prefixes.push_back(Prefix::Parse(prefix).value());
    return EncodeJson(order);
  }
  absl::StatusOr<DenyReport> Change(DenyVerb verb, const std::string& order) {
    std::optional<absl::StatusOr<DenyReport>> result;
    denied->Change(verb, order, [&](const absl::StatusOr<DenyReport>& report) { result = report; });
    while (!result.has_value()) loop->Turn(std::chrono::milliseconds(5));
    return *result;
  }
  std::vector<DenyEntry> Listed() {
    std::vector<DenyEntry> entries = Map().List().value();
    SortDenyEntries(entries);
    return entries;
  }
  // What the maps hold.
  std::string InForce() {
    std::vector<std::string> prefixes;
    for (const DenyEntry& entry : Listed()) prefixes.push_back(entry.prefix.ToString());
    return absl::StrJoin(prefixes, " ");
  }
  std::string File() const { return folder + "/" + kDenyFileName; }

  std::string pins = NewPinDirectory();
  std::unique_ptr<BpfObject> object = *BpfObject::Load(pins, ExistingMaps::kReplace);
  std::unique_ptr<EventLoop> loop = EventLoop::Create().value();
  std::string folder;
  bool asked = true;
  std::optional<DenyList> denied;
};

TEST_F(DenyListTest, MapsAreAskedOnlyWhileThereIsAnEntry) {
  EXPECT_EQ(Start(), "");
  EXPECT_FALSE(asked);
  EXPECT_FALSE(std::filesystem::exists(File()));

  const auto added = Change(DenyVerb::kAdd, Order({"10.0.0.0/8", "2001:db8::/32"}));
  EXPECT_TRUE(asked);
  EXPECT_EQ(added->added, 2U);
  EXPECT_EQ(InForce(), "10.0.0.0/8 2001:db8::/32");

  const auto removed = Change(DenyVerb::kRemove, Order({"10.0.0.0/8", "2001:db8::/32"}));
  EXPECT_FALSE(asked);
  EXPECT_EQ(removed->removed, 2U);
  EXPECT_EQ(removed->denied, 0U);
  EXPECT_EQ(InForce(), "");
}

TEST_F(DenyListTest, AddKeepsWhatIsThereAndReplaceDoesNot) {
  Start();
  ASSERT_TRUE(Change(DenyVerb::kAdd, Order({"10.0.0.0/8", "192.0.2.1"})).ok());
  const auto more = Change(DenyVerb::kAdd, Order({"192.0.2.1", "192.0.2.2"}));
  EXPECT_EQ(more->added, 1U);
  EXPECT_EQ(more->unchanged, 1U);
  EXPECT_EQ(InForce(), "10.0.0.0/8 192.0.2.1/32 192.0.2.2/32");

  const auto others = Change(DenyVerb::kAdd, Order({"192.0.2.2", "192.0.2.3"}, /*replace=*/true));
  EXPECT_EQ(others->removed, 2U);
  EXPECT_EQ(InForce(), "192.0.2.2/32 192.0.2.3/32");
}

TEST_F(DenyListTest, WhatIsWrongChangesNothing) {
  Start();
  ASSERT_TRUE(Change(DenyVerb::kAdd, Order({"192.0.2.1"})).ok());
  const auto absent = Change(DenyVerb::kRemove, Order({"192.0.2.1", "192.0.2.2", "192.0.2.3"}));
  EXPECT_TRUE(absl::IsNotFound(absent.status()));
  EXPECT_EQ(absent.status().message(),
            "192.0.2.2/32 and 1 more are not in the deny list: nothing was changed");
  EXPECT_TRUE(absl::IsInvalidArgument(Change(DenyVerb::kAdd, "{}").status()));
  // A folder in place of the file: it cannot be kept.
  std::filesystem::remove(File());
  std::filesystem::create_directories(File());
  const auto unkept = Change(DenyVerb::kAdd, Order({"192.0.2.9"}));
  EXPECT_TRUE(absl::IsResourceExhausted(unkept.status())) << unkept.status();
  EXPECT_EQ(InForce(), "192.0.2.1/32");
}

TEST_F(DenyListTest, MoreThanThereIsRoomForIsRefusedWhole) {
  DenyOrder order;
  for (uint32_t i = 0; i <= DenyMap::room(); ++i) {
    order.prefixes.push_back(Prefix::Of(Address::FromIp4({.s_addr = htonl(0x0a000000 + i)}), 32));
  }
  const auto changed = ChangeDenied({}, DenyVerb::kAdd, order, 1, DenyMap::room());
  EXPECT_TRUE(absl::IsResourceExhausted(changed.status()));
  EXPECT_THAT(std::string(changed.status().message()), HasSubstr("of at most 131072 each"));
}

TEST_F(DenyListTest, NextManagerMakesTheMapsWhatTheFileSays) {
  Start();
  ASSERT_TRUE(Change(DenyVerb::kAdd, Order({"192.0.2.1", "192.0.2.2"})).ok());
  // As one that dies between the file and the maps leaves them.
  ASSERT_TRUE(WriteFile(File(), "192.0.2.2 7\n2001:db8::/32 8\n").ok());
  EXPECT_EQ(Start(), "");
  EXPECT_EQ(InForce(), "192.0.2.2/32 2001:db8::/32");
  EXPECT_EQ(Listed().front().since_s, 7U);
  EXPECT_TRUE(asked);
}

TEST_F(DenyListTest, FileThatCannotBeUsedIsSetAsideAndWhatIsInForceStays) {
  Start();
  ASSERT_TRUE(Change(DenyVerb::kAdd, Order({"192.0.2.1"})).ok());
  ASSERT_TRUE(WriteFile(File(), "rubbish\n").ok());
  EXPECT_THAT(Start(), HasSubstr("the deny list is that of before: " + File() + ":1: "));
  EXPECT_EQ(InForce(), "192.0.2.1/32");
  EXPECT_EQ(ReadFile(File() + ".broken-1").value(), "rubbish\n");
  EXPECT_THAT(ReadFile(File()).value(), HasSubstr("192.0.2.1/32"));
}

TEST_F(DenyListTest, OrdersAndListingsAreDoneOneAfterTheOther) {
  Start();
  std::vector<std::string> done;
  denied->Change(DenyVerb::kAdd, Order({"192.0.2.1"}),
                 [&](const auto& report) { done.push_back(report.ok() ? "added" : "failed"); });
  denied->List([&](const auto& json) {
    done.push_back(DecodeDenyListing(*json)->denied.front().prefix.ToString());
  });
  denied->Change(DenyVerb::kRemove, Order({"192.0.2.1"}),
                 [&](const auto& report) { done.push_back(report.ok() ? "removed" : "failed"); });
  EXPECT_TRUE(done.empty());
  while (done.size() < 3) loop->Turn(std::chrono::milliseconds(5));
  EXPECT_THAT(done, testing::ElementsAre("added", "192.0.2.1/32", "removed"));
}

}  // namespace
}  // namespace koi
