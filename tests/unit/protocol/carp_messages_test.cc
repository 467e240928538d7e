// SPDX-License-Identifier: Apache-2.0
// Carp messages arrive as they were sent.
#include "protocol/carp_messages.h"

#include <gtest/gtest.h>

namespace koi {
namespace {

TEST(CarpMessagesTest, ConfigurationArrivesWholeWhateverBytesThePasswordHas) {
  CarpConfigure sent{
      .interface = "eth0", .xdp = {XdpMode::kGeneric, XdpAttach::kAlways}, .groups = {}};
  CarpGroup group{.number = 1,
                  .carp = {},
                  .vips = {*Address::Parse("10.0.0.1"), *Address::Parse("2001:db8::1")},
                  .l4_vips = {*Address::Parse("2001:db8::1")}};
  group.carp.vhid = 42;
  group.carp.password = std::string("p\0\xff\"", 4);
  group.carp.advskew = 100;
  group.carp.preempt = true;
  group.carp.hash = CarpHash::kAll;
  group.carp.source = *Address::Parse("10.0.0.9");
  sent.groups.push_back(group);

  const auto received = DecodeCarpMessage(EncodeCarpMessage(sent));
  ASSERT_TRUE(received.ok()) << received.status();
  const auto& configure = std::get<CarpConfigure>(*received);
  EXPECT_EQ(configure.interface, "eth0");
  EXPECT_EQ(configure.xdp.mode, XdpMode::kGeneric);
  EXPECT_EQ(configure.xdp.attach, XdpAttach::kAlways);
  ASSERT_EQ(configure.groups.size(), 1u);
  EXPECT_EQ(configure.groups[0].vips, group.vips);
  EXPECT_EQ(configure.groups[0].l4_vips, group.l4_vips);
  EXPECT_EQ(configure.groups[0].carp.password, group.carp.password);
  EXPECT_EQ(configure.groups[0].carp.advskew, 100);
  EXPECT_TRUE(configure.groups[0].carp.preempt);
  EXPECT_EQ(configure.groups[0].carp.hash, CarpHash::kAll);
  EXPECT_EQ(configure.groups[0].carp.source, group.carp.source);
}

TEST(CarpMessagesTest, ReportArrivesWhole) {
  CarpReport sent;
  sent.xdp = {true, "native", "the driver takes XDP programs"};
  sent.groups.push_back({.number = 0,
                         .vhid = 42,
                         .role = CarpRole::kMaster,
                         .reason = "no advert for 3.0s",
                         .since_ms_ago = 5,
                         .adverts_sent = 1,
                         .adverts_received = 2,
                         .bad_authentication = 3,
                         .malformed = 4,
                         .peers = {{"10.0.0.2", 1, 100, 350}},
                         .mismatches = {{"10.0.0.3", 9, 70}}});
  const auto received = DecodeCarpMessage(EncodeCarpMessage(sent));
  ASSERT_TRUE(received.ok()) << received.status();
  const auto& report = std::get<CarpReport>(*received);
  EXPECT_TRUE(report.xdp.attached);
  ASSERT_EQ(report.groups.size(), 1u);
  EXPECT_EQ(report.groups[0].role, CarpRole::kMaster);
  EXPECT_EQ(report.groups[0].bad_authentication, 3u);
  ASSERT_EQ(report.groups[0].peers.size(), 1u);
  EXPECT_EQ(report.groups[0].peers[0].advskew, 100);
  ASSERT_EQ(report.groups[0].mismatches.size(), 1u);
  EXPECT_EQ(report.groups[0].mismatches[0].source, "10.0.0.3");
  EXPECT_EQ(report.groups[0].mismatches[0].adverts, 9u);
}

TEST(CarpMessagesTest, AnythingElseIsRefused) {
  for (const char* bytes :
       {"", "null", "{}", R"({"report":7})", R"({"configure":{"interface":"eth0"}})"}) {
    SCOPED_TRACE(bytes);
    EXPECT_TRUE(absl::IsInvalidArgument(DecodeCarpMessage(bytes).status()));
  }
}

}  // namespace
}  // namespace koi
