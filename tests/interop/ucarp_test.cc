// SPDX-License-Identifier: Apache-2.0
// koi-carp alone and a real ucarp in one group; whole_koi_test.cc has what a whole koi does beside
// one.
//
//  client ──┬── koi    (koi-carp)
//           └── other  (ucarp)       VIP 10.9.0.100, vhid 42
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "interop/carp_stand_in.h"
#include "interop/ucarp_host.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

// ucarp's own limits are about 4 s; five times that.
constexpr Duration kFailover = 20s;

class UcarpTest : public testing::Test {
 protected:
  // Whether the VIP answers the client now.
  bool VipAnswers() { return client.Run({"ping", "-c", "1", "-W", "1", kCarpVip4}).ok(); }
  ::testing::AssertionResult Becomes(CarpRole role, Duration limit = kFailover) {
    if (Eventually(limit, [&] { return koi.role() == role; })) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure()
           << "koi is " << std::string(CarpRoleName(koi.role())) << "\n"
           << koi.LogTail();
  }
  void MakeKoiMaster() {
    koi.Start(CarpDefaults());
    ASSERT_TRUE(Becomes(CarpRole::kMaster));
  }
  void MakeUcarpMaster() {
    ucarp.Start();
    ASSERT_TRUE(Eventually(kFailover, [&] { return ucarp.master(); }));
  }

  Lab lab;
  Host& client = lab.Add("client");
  Host& koi_host = lab.Add("koi");
  Host& other_host = lab.Add("other");
  CarpStandIn koi{koi_host};
  UcarpHost ucarp{other_host};
};

TEST_F(UcarpTest, KoiBacksUpAUcarpAndTakesOverWhenItDies) {
  MakeUcarpMaster();
  koi.Start(CarpDefaults());
  ASSERT_TRUE(Eventually(kFailover, [&] { return koi.group().adverts_received > 4; }));
  EXPECT_EQ(koi.role(), CarpRole::kBackup);
  ASSERT_EQ(koi.group().peers.size(), 1u);
  EXPECT_EQ(koi.group().peers[0].source, other_host.ip4());
  EXPECT_EQ(koi.group().bad_authentication, 0u);
  EXPECT_FALSE(HasVip(koi_host));

  ucarp.Crash();

  ASSERT_TRUE(Eventually(
      kFailover, [&] { return koi.role() == CarpRole::kMaster; }, "koi-takes-over-from-ucarp"));
  EXPECT_TRUE(HasVip(koi_host));
  EXPECT_TRUE(VipAnswers());
}

TEST_F(UcarpTest, APlannedHandoverToUcarpLosesNothing) {
  MakeKoiMaster();
  ucarp.Start();
  const uint64_t sent = koi.group().adverts_sent;
  ASSERT_TRUE(Eventually(kFailover, [&] { return koi.group().adverts_sent > sent + 3; }));
  ASSERT_TRUE(VipAnswers());

  ProgramResult ping;
  std::thread pinging([&] {
    ping = client.Run({"ping", "-q", "-i", "0.01", "-w", "5", kCarpVip4});
  });
  koi.AskToStop();
  EXPECT_EQ(koi.WaitForExit(kFailover), 0);
  pinging.join();

  EXPECT_TRUE(koi.said_stopped());
  EXPECT_TRUE(ucarp.master());
  EXPECT_FALSE(HasVip(koi_host));
  EXPECT_THAT(ping.out, testing::HasSubstr(" 0% packet loss"));
}

TEST_F(UcarpTest, ASplitGroupHasOneMasterAndARightClientSoonAfterItHeals) {
  MakeKoiMaster();
  ucarp.Start({.advskew = 100});
  lab.Unplug(koi_host);  // koi loses its carrier: INIT
  ASSERT_TRUE(Eventually(kFailover, [&] { return ucarp.master(); }));
  ASSERT_TRUE(Becomes(CarpRole::kInit));
  EXPECT_FALSE(HasVip(koi_host));
  lab.Plug(koi_host);
  ASSERT_TRUE(Becomes(CarpRole::kBackup));
  EXPECT_TRUE(Eventually(kFailover, [&] { return koi.group().adverts_received > 2; }));
  EXPECT_EQ(koi.role(), CarpRole::kBackup);
  EXPECT_TRUE(ucarp.master());
}

}  // namespace
}  // namespace koi::lab
