// SPDX-License-Identifier: Apache-2.0
// koi doctor on real interfaces with mistakes made on purpose, in a network namespace of this
// process's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "typed.h"

namespace koi {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// left ── right, a veth pair
class DoctorTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "only root may make a network namespace";
    ASSERT_TRUE(
        Sh("ip link add left mtu 1520 type veth peer name right mtu 1520 && "
           "ip link set left up && ip link set right up && "
           "ethtool -K left tx off && ethtool -K right tx off && "
           "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.left.rp_filter=0 "
           "net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.left.arp_ignore=0"));
    std::string name = testing::TempDir() + "koi-doctor-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    ASSERT_TRUE(WriteFile(folder_ + "/koi.toml", R"(
version = 1
[node]
interface = "left"
[[carp]]
vhid = 42
password = "secret"
[[vip]]
address = "192.0.2.100"
)")
                    .ok());
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  static bool Sh(const std::string& command) {
    return std::system(absl::StrCat("{ ", command, "; } >/dev/null").c_str()) == 0;
  }
  Said Doctor(const std::string& options = "") const {
    return Typed(absl::StrCat("doctor --config ", folder_, "/koi.toml --socket ", folder_,
                              "/koi.sock ", options));
  }

  std::string folder_;
};

TEST_F(DoctorTest, HostThatIsWellHasNoProblem) {
  const Said said = Doctor();
  EXPECT_EQ(said.code, kExitOk) << said.out;
  EXPECT_THAT(said.out, HasSubstr("left is up and has a carrier"));
  EXPECT_THAT(said.out, HasSubstr("veth would run XDP itself"));
  EXPECT_THAT(said.out, HasSubstr("right, the other end of left, sends checksums"));
  EXPECT_THAT(said.out, HasSubstr("kinds of programs and maps"));
  EXPECT_THAT(said.out, HasSubstr("does not run"));
  EXPECT_THAT(said.out, HasSubstr("\n0 problems, "));
}

TEST_F(DoctorTest, EachMistakeIsSaidWithWhatToType) {
  ASSERT_TRUE(
      Sh("ip link set left mtu 1200 && ethtool -K right tx on && "
         "sysctl -qw net.ipv4.conf.left.rp_filter=1 net.ipv4.conf.all.arp_ignore=8 && "
         "ip addr add 192.0.2.100/24 dev left"));
  const Said said = Doctor();
  EXPECT_EQ(said.code, kExitFailure);
  EXPECT_THAT(said.out, HasSubstr("left has MTU 1200, too small"));
  EXPECT_THAT(said.out, HasSubstr("-> ip link set left mtu 1500"));
  EXPECT_THAT(said.out, HasSubstr("right, the other end of left, sends packets without checksums"));
  EXPECT_THAT(said.out, HasSubstr("-> ethtool -K right tx off"));
  EXPECT_THAT(said.out, HasSubstr("strict (all 0, left 1)"));
  EXPECT_THAT(said.out, HasSubstr("-> sysctl -w net.ipv4.conf.left.rp_filter=2"));
  EXPECT_THAT(said.out, HasSubstr("arp_ignore is 8"));
  EXPECT_THAT(said.out, HasSubstr("192.0.2.100"));
  EXPECT_THAT(said.out, HasSubstr("\n4 problems, "));
}

TEST_F(DoctorTest, LinkThatIsDownOrNotThereIsAProblem) {
  ASSERT_TRUE(Sh("ip link set right down"));
  EXPECT_THAT(Doctor().out, HasSubstr("left is up, but has no carrier"));
  ASSERT_TRUE(Sh("ip link set left down"));
  EXPECT_THAT(Doctor().out, HasSubstr("-> ip link set left up"));
  const Said missing = Doctor("--interface eth7");
  EXPECT_EQ(missing.code, kExitFailure);
  EXPECT_THAT(missing.out, HasSubstr("interface \"eth7\" does not exist; there are: lo, "));
}

TEST_F(DoctorTest, ConfigurationThatIsWrongIsSaidAndTheRestIsJudged) {
  ASSERT_TRUE(WriteFile(folder_ + "/koi.toml", "version = 2\n").ok());
  const Said said = Doctor();
  EXPECT_EQ(said.code, kExitFailure);
  EXPECT_THAT(said.out, AllOf(HasSubstr("koi.toml:1:"), HasSubstr("koi check")));
  EXPECT_THAT(said.out, HasSubstr("kinds of programs and maps"));
  EXPECT_EQ(Doctor("--interface left").code, kExitOk);
}

TEST_F(DoctorTest, JsonHasTheFindings) {
  ASSERT_TRUE(Sh("ethtool -K right tx on"));
  const Said said = Doctor("-o json");
  EXPECT_EQ(said.code, kExitFailure);
  EXPECT_THAT(said.out, HasSubstr("\"problems\": 1,"));
  EXPECT_THAT(said.out, HasSubstr("\"severity\": \"problem\",\n      \"area\": \"checksums\""));
  EXPECT_THAT(said.out, HasSubstr("\"repair\": \"ethtool -K right tx off\""));
}

}  // namespace
}  // namespace koi
