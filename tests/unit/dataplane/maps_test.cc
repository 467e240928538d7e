// SPDX-License-Identifier: Apache-2.0
// The map classes: what one writes, another reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <koi/abi/limits.h>

#include "absl/strings/str_cat.h"
#include "dataplane/gate_map.h"
#include "dataplane/l4_maps.h"
#include "dataplane/service_map.h"
#include "dataplane/steering_maps.h"
#include "dataplane/verdict_map.h"
#include "dataplane/vip_map.h"
#include "unit/dataplane/loaded_object.h"

namespace koi {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;

class MapsTest : public ::testing::Test {
 protected:
  LoadedObject object;
};

TEST_F(MapsTest, GateIsClosedUntilItIsOpenedAndAfterItIsClosed) {
  GateMap gates(object.MapFd("koi_gates"));
  EXPECT_EQ(gates.Read(2).value(), FromNanoseconds(0));

  const TimePoint until = Now() + std::chrono::seconds(2);
  ASSERT_TRUE(gates.OpenUntil(2, until).ok());
  EXPECT_EQ(gates.Read(2).value(), until);

  ASSERT_TRUE(gates.Close(2).ok());
  EXPECT_EQ(gates.Read(2).value(), FromNanoseconds(0));
}

TEST_F(MapsTest, GroupThatCannotBeHasNoGate) {
  GateMap gates(object.MapFd("koi_gates"));

  EXPECT_FALSE(gates.OpenUntil(KOI_GROUPS_MAX, Now()).ok());
  EXPECT_FALSE(gates.Read(KOI_GROUPS_MAX).ok());
}

TEST_F(MapsTest, VipsOfBothFamiliesAreListed) {
  VipMap vips(object.MapFd("koi_vips"));
  const Address ip4 = *Address::Parse("10.0.0.1");
  const Address ip6 = *Address::Parse("2001:db8::1");
  ASSERT_TRUE(vips.Set({.address = ip4, .number = 1, .group = 2}).ok());
  ASSERT_TRUE(vips.Set({.address = ip6, .number = 3, .group = 4}).ok());
  ASSERT_TRUE(vips.Remove(ip4).ok());
  ASSERT_TRUE(vips.Remove(ip4).ok()) << "absent is fine";
  const auto listed = vips.List();

  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().address, ip6);
  EXPECT_EQ(listed->front().number, 3U);
  EXPECT_EQ(listed->front().group, 4U);
}

TEST_F(MapsTest, FullVipMapSaysSo) {
  VipMap vips(object.MapFd("koi_vips"));
  const auto number = [](uint32_t i) { return *Address::Parse(absl::StrCat("2001:db8::", i)); };
  for (uint32_t i = 0; i < KOI_VIPS_MAX; ++i) {
    ASSERT_TRUE(vips.Set({.address = number(i), .number = i}).ok());
  }

  EXPECT_TRUE(absl::IsResourceExhausted(vips.Set({.address = number(9999), .number = 0})));
  EXPECT_TRUE(vips.Set({.address = number(0), .number = 7}).ok()) << "a change needs no room";
  EXPECT_EQ(vips.List()->size(), +KOI_VIPS_MAX + 0U);
}

TEST_F(MapsTest, ServicesAreListedWithModeAndName) {
  ServiceMap services(object.MapFd("koi_services"));
  ASSERT_TRUE(
      services
          .Set(
              {.vip_number = 1, .port = 443, .mode = ServiceMode::kTcp, .number = 5, .name = "web"})
          .ok());
  ASSERT_TRUE(services.Set({.vip_number = 1, .port = 80}).ok());
  ASSERT_TRUE(services.Remove({1, 80}).ok());
  ASSERT_TRUE(services.Remove({1, 80}).ok()) << "absent is fine";
  const auto listed = services.List();

  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().port, 443);
  EXPECT_EQ(listed->front().mode, ServiceMode::kTcp);
  EXPECT_EQ(listed->front().number, 5U);
  EXPECT_EQ(listed->front().name, "web");
}

TEST_F(MapsTest, ServicesOfOnePortDifferByProtocolAndPortZeroIsAnyOther) {
  ServiceMap services(object.MapFd("koi_services"));
  const ServiceEntry udp = {.vip_number = 1,
                            .port = 0,
                            .mode = ServiceMode::kL4,
                            .name = "dns",
                            .protocol = IPPROTO_UDP,
                            .pool = 7};
  ASSERT_TRUE(services.Set(udp).ok());
  ASSERT_TRUE(services.Set({.vip_number = 1, .port = 0}).ok());
  ASSERT_TRUE(services.Remove({.vip_number = 1, .port = 0}).ok());
  const auto listed = services.List();

  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().where(), udp.where());
  EXPECT_EQ(listed->front().mode, ServiceMode::kL4);
  EXPECT_EQ(listed->front().pool, 7U);
}

TEST_F(MapsTest, L4PoolsAreListedAsTheyWereSet) {
  L4PoolMap pools(object.MapFd("koi_pools"));
  const L4PoolEntry dns = {.number = 3,
                           .options = {.forward = Forward::kIpip,
                                       .ring_size = 257,
                                       .affinity = Affinity::kSource,
                                       .on_down = OnDown::kKeep},
                           .name = "dns"};
  ASSERT_TRUE(pools.Set(dns).ok());
  ASSERT_TRUE(pools.Set({.number = 4, .options = {.forward = Forward::kDsr}}).ok());
  ASSERT_TRUE(pools.Remove(4).ok());

  EXPECT_THAT(pools.List().value(), ElementsAre(dns));
}

TEST_F(MapsTest, DevicesAreThoseThatAreThere) {
  DeviceMap devices(object.MapFd("koi_devices"));
  ASSERT_TRUE(devices.Set(1).ok());
  EXPECT_FALSE(devices.Set(12345678).ok());
  EXPECT_THAT(devices.List().value(), ElementsAre(1U));

  ASSERT_TRUE(devices.Remove(1).ok());
  ASSERT_TRUE(devices.Remove(1).ok()) << "absent is fine";
  EXPECT_THAT(devices.List().value(), IsEmpty());
}

TEST_F(MapsTest, SettingsAreReadAsWritten) {
  SettingsMap map(object.MapFd("koi_settings"));
  EXPECT_THAT(map.Read()->cpus, IsEmpty());

  const Settings written = {
      .steer = XdpSteer::kElsewhere,
      .hash_seed = 7,
      .own_mac = {2, 0, 0, 0, 0, 1},
      .cpus = {0, 3},
      .clock_offset_ns = -5,
      .deny = true,
      .l4 = {.ring_seed = 1,
             .flow_keys = {2, 3},
             .tunnel4 = {.address = Address::Parse("10.0.9.0").value(), .spread = 15},
             .tunnel6 = {.address = Address::Parse("fd00:9::").value(), .spread = ~0U},
             .own_ip4 = Address::Parse("10.0.0.1").value(),
             .own_ip6 = Address::Parse("fd00::1").value(),
             .icmp_per_second = 1000,
             .idle_tcp = std::chrono::minutes(125),
             .idle_udp = std::chrono::seconds(30),
             .handshake = std::chrono::seconds(4),
             .full = std::chrono::seconds(5)}};
  ASSERT_TRUE(map.Write(written).ok());
  EXPECT_EQ(map.Read().value(), written);
}

TEST_F(MapsTest, SettingsRefuseCpusThatTheMapsHaveNoRoomFor) {
  SettingsMap map(object.MapFd("koi_settings"));

  EXPECT_TRUE(absl::IsInvalidArgument(map.Write({.cpus = {KOI_CPUS_MAX}})));
  EXPECT_TRUE(absl::IsInvalidArgument(map.Write({.cpus = {-1}})));
  EXPECT_TRUE(absl::IsInvalidArgument(map.Write({.cpus = std::vector<int>(KOI_CPUS_MAX + 1, 0)})));
}

TEST_F(MapsTest, PacketsMayBeSentToCpusThatExistOnly) {
  CpuMap cpus(object.MapFd("koi_cpus"));

  EXPECT_EQ(cpus.Set(0), absl::OkStatus());
  EXPECT_EQ(cpus.Set(0, 512), absl::OkStatus()) << "a change";
  EXPECT_EQ(cpus.Remove(0), absl::OkStatus());
  EXPECT_EQ(cpus.Remove(0), absl::OkStatus()) << "absent is fine";
  EXPECT_TRUE(absl::IsNotFound(cpus.Set(KOI_CPUS_MAX - 1)));
  EXPECT_TRUE(absl::IsNotFound(cpus.Set(KOI_CPUS_MAX)));
}

TEST_F(MapsTest, ListenerThatIsAbsentMayBeRemoved) {
  ListenerMap listeners(object.MapFd("koi_listeners"));

  EXPECT_EQ(listeners.Remove(0, ListenerFamily::kIp4), absl::OkStatus());
  EXPECT_TRUE(absl::IsInvalidArgument(listeners.Remove(KOI_CPUS_MAX, ListenerFamily::kIp4)));
  EXPECT_FALSE(listeners.Set(0, ListenerFamily::kIp4, -1).ok());
}

TEST_F(MapsTest, FiguresStartAtZeroAndEveryVerdictIsNamed) {
  const auto verdicts = VerdictMap(object.MapFd("koi_verdicts")).Read();

  ASSERT_TRUE(verdicts.ok());
  EXPECT_THAT(*verdicts, Each(Field(&VerdictFigures::packets, 0U)));
  EXPECT_THAT(*verdicts, Each(Field(&VerdictFigures::help, Not(IsEmpty()))));
  EXPECT_EQ(verdicts->front().name, "NOT_IP");
  EXPECT_EQ(verdicts->front().action, "pass");
  EXPECT_EQ(verdicts->back().name, "ICMP_LOCAL");
  EXPECT_EQ(verdicts->back().action, "pass");
  EXPECT_EQ(SteeredMap(object.MapFd("koi_steered")).Read(0)->packets, 0U);
  EXPECT_EQ(VipStatsMap(object.MapFd("koi_vip_stats")).Read(0)->packets, 0U);
  EXPECT_FALSE(SteeredMap(object.MapFd("koi_steered")).Read(KOI_CPUS_MAX).ok());
}

}  // namespace
}  // namespace koi
