// SPDX-License-Identifier: Apache-2.0
// Addresses, links and frames in a network namespace of this process's own.
#include "net/netlink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "net/packet_socket.h"

namespace koi {
namespace {

using std::chrono::seconds;

// left ── right, a veth pair
class NetlinkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "needs root, for a network namespace";
    ASSERT_EQ(std::system("ip link add left type veth peer name right && "
                          "sysctl -qw net.ipv6.conf.all.disable_ipv6=0 && "
                          "ip link set left up && ip link set right up"),
              0);
    auto opened = Netlink::Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    netlink = std::make_unique<Netlink>(*std::move(opened));
    auto loop = EventLoop::Create();
    ASSERT_TRUE(loop.ok());
    // The kernel notes a new carrier a moment later.
    ASSERT_TRUE(Eventually(**loop, seconds(5), [&] {
      auto found = netlink->FindInterface("left");
      if (found.ok()) left = *found;
      return left.carrier;
    }));
  }

  AddressChange Lease(const std::string& address, uint8_t prefix_bits, uint32_t valid) {
    return {.interface_index = left.index,
            .address = *Address::Parse(address),
            .prefix_bits = prefix_bits,
            .lifetime = {.valid = valid, .preferred = 0},
            .detect_duplicates = false,
            .prefix_route = false};
  }

  bool Has(const std::string& address) {
    const auto all = netlink->Addresses(left.index);
    EXPECT_TRUE(all.ok()) << all.status();
    return std::any_of(all->begin(), all->end(), [&](const InterfaceAddress& one) {
      return one.address == *Address::Parse(address);
    });
  }

  template <typename Condition>
  static bool Eventually(EventLoop& loop, Duration limit, const Condition& condition) {
    const TimePoint end = Now() + limit;
    while (!condition() && Now() < end) loop.Turn(std::chrono::milliseconds(20));
    return condition();
  }

  std::unique_ptr<Netlink> netlink;
  Interface left;
};

TEST_F(NetlinkTest, FindsAnInterfaceWithItsMacAndCarrier) {
  EXPECT_GT(left.index, 0);
  EXPECT_EQ(left.name, "left");
  EXPECT_NE(left.mac, MacAddress{});
  EXPECT_TRUE(left.up);
  EXPECT_TRUE(left.carrier);
  EXPECT_EQ(left.xdp_mode, "");
}

TEST_F(NetlinkTest, AbsentInterfaceIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(netlink->FindInterface("absent").status()));
  EXPECT_TRUE(absl::IsNotFound(netlink->FindInterface("").status()));
  EXPECT_TRUE(absl::IsNotFound(netlink->FindInterface("much-too-long-a-name").status()));
}

TEST_F(NetlinkTest, AddsRenewsAndRemovesBothFamiliesInOneBatch) {
  const std::vector<AddressChange> leases = {Lease("10.1.0.1", 32, 60),
                                             Lease("2001:db8::1", 128, 60)};
  EXPECT_TRUE(netlink->Apply(leases).ok());
  EXPECT_TRUE(netlink->Apply(leases).ok());  // renewing is no error
  EXPECT_TRUE(Has("10.1.0.1"));
  EXPECT_TRUE(Has("2001:db8::1"));

  std::vector<AddressChange> removals = leases;
  for (AddressChange& change : removals) change.kind = AddressChange::Kind::kRemove;
  EXPECT_TRUE(netlink->Apply(removals).ok());
  EXPECT_TRUE(netlink->Apply(removals).ok());  // nor is removing what is gone
  EXPECT_FALSE(Has("10.1.0.1"));
  EXPECT_FALSE(Has("2001:db8::1"));
}

TEST_F(NetlinkTest, SetsAndRemovesMoreAtOnceThanTheSocketHoldsAnswersTo) {
  constexpr int kAddresses = 1000;
  std::vector<AddressChange> changes;
  for (int i = 0; i < kAddresses; ++i) {
    changes.push_back(Lease(absl::StrCat("10.20.", i / 250, ".", 1 + i % 250), 32, 60));
  }
  EXPECT_EQ(netlink->Apply(changes), absl::OkStatus());
  EXPECT_TRUE(Has("10.20.3.250"));
  for (AddressChange& change : changes) change.kind = AddressChange::Kind::kRemove;
  EXPECT_EQ(netlink->Apply(changes), absl::OkStatus());
  EXPECT_FALSE(Has("10.20.0.1"));
}

TEST_F(NetlinkTest, OneFailureInABatchDoesNotStopTheOthers) {
  AddressChange wrong = Lease("10.1.0.1", 32, 60);
  wrong.interface_index = 9999;
  const absl::Status outcome = netlink->Apply({wrong, Lease("10.1.0.2", 32, 60)});
  EXPECT_THAT(std::string(outcome.message()), testing::HasSubstr("cannot set address 10.1.0.1"));
  EXPECT_TRUE(Has("10.1.0.2"));
}

TEST_F(NetlinkTest, TheKernelRemovesAnAddressWhoseLifetimeHasPassed) {
  auto loop = EventLoop::Create();
  ASSERT_TRUE(loop.ok());
  ASSERT_TRUE(netlink->Apply({Lease("10.1.0.1", 32, 1), Lease("2001:db8::1", 128, 1)}).ok());
  EXPECT_TRUE(
      Eventually(**loop, seconds(10), [&] { return !Has("10.1.0.1") && !Has("2001:db8::1"); }));
}

TEST_F(NetlinkTest, MonitorTellsOfAddressesAndLinks) {
  auto loop = EventLoop::Create();
  ASSERT_TRUE(loop.ok());
  std::vector<InterfaceAddress> addresses;
  std::vector<LinkEvent> links;
  auto monitor = NetlinkMonitor::Open(**loop, [&](const NetlinkEvent& event) {
    if (const auto* address = std::get_if<InterfaceAddress>(&event)) addresses.push_back(*address);
    if (const auto* link = std::get_if<LinkEvent>(&event)) links.push_back(*link);
  });
  ASSERT_TRUE(monitor.ok()) << monitor.status();

  ASSERT_TRUE(netlink->Apply({Lease("10.1.0.1", 32, 60)}).ok());
  EXPECT_TRUE(Eventually(**loop, seconds(5), [&] {
    return std::any_of(addresses.begin(), addresses.end(), [&](const InterfaceAddress& one) {
      return one.interface_index == left.index && one.address == *Address::Parse("10.1.0.1") &&
             !one.removed;
    });
  }));

  ASSERT_EQ(std::system("ip link set right down"), 0);
  EXPECT_TRUE(Eventually(**loop, seconds(5), [&] {
    return std::any_of(links.begin(), links.end(), [&](const LinkEvent& event) {
      return event.interface.index == left.index && !event.interface.carrier &&
             event.interface.carrier_changes > left.carrier_changes;
    });
  }));

  ASSERT_EQ(std::system("ip link delete left"), 0);
  EXPECT_TRUE(Eventually(**loop, seconds(5), [&] {
    return std::any_of(links.begin(), links.end(), [&](const LinkEvent& event) {
      return event.interface.index == left.index && event.removed;
    });
  }));
}

TEST_F(NetlinkTest, PacketSocketReceivesTheOthersFramesAndNotItsOwn) {
  constexpr uint16_t kExperimental = 0x88b5;
  auto loop = EventLoop::Create();
  ASSERT_TRUE(loop.ok());
  const auto right = netlink->FindInterface("right");
  ASSERT_TRUE(right.ok());
  const auto here =
      PacketSocket::Open({.interface_index = left.index, .ether_type = kExperimental});
  const auto there =
      PacketSocket::Open({.interface_index = right->index, .ether_type = kExperimental});
  ASSERT_TRUE(here.ok() && there.ok()) << here.status() << there.status();

  const std::string frame = std::string(StdView(MacBytes(kBroadcastMac))) +
                            std::string(StdView(MacBytes(left.mac))) + "\x88\xb5" + "hello";
  ASSERT_TRUE(here->Send(frame).ok());

  std::string received;
  EXPECT_TRUE(Eventually(**loop, seconds(5), [&] {
    const auto got = there->Receive();
    if (got.ok()) received = *got;
    return !received.empty();
  }));
  EXPECT_EQ(received.substr(0, frame.size()), frame);
  EXPECT_TRUE(absl::IsDeadlineExceeded(here->Receive().status()));
}

TEST_F(NetlinkTest, SendingOnAnInterfaceThatIsDownIsUnavailable) {
  const auto socket = PacketSocket::Open({.interface_index = left.index});
  ASSERT_TRUE(socket.ok());
  ASSERT_EQ(std::system("ip link set left down"), 0);
  EXPECT_TRUE(absl::IsUnavailable(socket->Send(std::string(60, '\xff'))));
}

}  // namespace
}  // namespace koi
