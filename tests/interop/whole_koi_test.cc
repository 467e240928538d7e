// SPDX-License-Identifier: Apache-2.0
// A whole koi host and a real ucarp in one group, as a client sees them.
//
//  client ──┬── blue   koi: https on the VIP, answered by web-1
//           ├── web-1  a backend
//           └── other  ucarp, and a web server that answers on the VIP's port 8080
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "interop/ucarp_host.h"
#include "support/lab/balancer.h"
#include "support/lab/eventually.h"
#include "support/lab/http_client.h"
#include "support/lab/web_backend.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ucarp's own limits are about 4 s; five times that.
constexpr Duration kFailover = 20s;

class WholeKoiTest : public testing::Test {
 protected:
  Balancer& AddKoi(int advskew, bool preempt) {
    blue.emplace(lab, "blue",
                 BalancerOptions{.certificate = certificate,
                                 .backends = {{web_1.name(), web_1.endpoint4()}},
                                 .advskew = advskew,
                                 .preempt = preempt});
    return *blue;
  }
  void TearDown() override {
    if (!HasFailure() || !blue.has_value()) return;
    std::cerr << blue->LogTail() << '\n' << blue->Koi({"status"}).Describe() << '\n';
  }

  std::string Get(const std::string& url) {
    return client.In(
        [&] { return HttpClient({.ca_file = certificate.chain, .timeout = 1s}).Get(url).body; });
  }
  bool KoiServes() { return Get(absl::StrCat("https://", kVip4, "/")) == "web-1\n"; }
  bool OtherServes() { return Get(absl::StrCat("http://", kVip4, ":8080/")) == "other\n"; }
  // Only koi has the VIP, and the client finds it there.
  bool KoiHasIt() {
    return Eventually(kFailover, [&] { return KoiServes() && !ucarp.master(); });
  }
  // The same of the other host.
  bool OtherHasIt(const char* measured = "") {
    return Eventually(
        kFailover, [&] { return OtherServes() && blue->VipsPresent().empty(); }, measured);
  }

  Lab lab;
  Host& client = lab.Add("client");
  const Certificate certificate = MakeCertificate(lab, {kVip4, kVip6});
  WebBackend web_1{lab, "web-1"};
  WebBackend other{lab, "other"};
  UcarpHost ucarp{other.host()};
  std::optional<Balancer> blue;
};

TEST_F(WholeKoiTest, UcarpTakesOverWhenKoiDiesOrStopsAndGivesWayToAPreferredKoi) {
  Balancer& koi = AddKoi(/*advskew=*/0, /*preempt=*/true);
  koi.Start();
  ASSERT_TRUE(KoiHasIt());
  ucarp.Start({.advskew = 50});
  ASSERT_TRUE(Eventually(kFailover, [&] {
    return absl::StrContains(
        ReadFile(absl::StrCat(other.host().directory(), "/ucarp.log")).value_or(""), "BACKUP");
  }));

  koi.Kill();
  ASSERT_TRUE(OtherHasIt("ucarp-takes-over-from-koi"));

  koi.Start();
  ASSERT_TRUE(KoiHasIt());

  EXPECT_EQ(koi.Stop(), 0);
  ASSERT_TRUE(OtherHasIt());
}

TEST_F(WholeKoiTest, KoiTakesOverWhenUcarpDiesAndGivesWayToAPreferredUcarp) {
  Balancer& koi = AddKoi(/*advskew=*/50, /*preempt=*/false);
  ucarp.Start();
  ASSERT_TRUE(Eventually(kFailover, [&] { return OtherServes(); }));
  koi.Start();
  ASSERT_TRUE(Eventually(kFailover, [&] {
    return absl::StrContains(koi.Koi({"status"}).out,
                             absl::StrCat(other.host().ip4(), " (advskew 0"));
  }));
  EXPECT_EQ(koi.role(), "backup");
  EXPECT_THAT(koi.VipsPresent(), IsEmpty());

  ucarp.Crash();
  ASSERT_TRUE(KoiHasIt());
  EXPECT_EQ(koi.role(), "master");

  ucarp.Start({.preempt = true});
  ASSERT_TRUE(OtherHasIt());
  EXPECT_EQ(koi.role(), "backup");
}

TEST_F(WholeKoiTest, WrongPasswordIsSaidByBothSidesAndTheRightOneMakesOneOwner) {
  Balancer& koi = AddKoi(/*advskew=*/0, /*preempt=*/false);
  ucarp.Start({.password = "another"});
  koi.Start();
  const std::string mismatch = absl::StrCat("auth mismatch: ", other.host().ip4(),
                                            " has another password or other VIPs for vhid 42 (");
  EXPECT_TRUE(Eventually(kFailover, [&] {
    const absl::StatusOr<Stats> stats = koi.ReadStats();
    return stats.ok() && stats->role == "master" && ucarp.master() &&
           absl::StrContains(absl::StrJoin(stats->warnings, "\n"), mismatch);
  }));
  EXPECT_THAT(koi.Koi({"status"}).out, HasSubstr(absl::StrCat("warning: ", mismatch)));
  EXPECT_TRUE(Eventually(kFailover, [&] {
    return absl::StrContains(
        ReadFile(absl::StrCat(other.host().directory(), "/ucarp.log")).value_or(""), "Bad digest");
  }));

  ucarp.Crash();
  ucarp.Start({.advskew = 50});
  EXPECT_TRUE(KoiHasIt());
}

}  // namespace
}  // namespace koi::lab
