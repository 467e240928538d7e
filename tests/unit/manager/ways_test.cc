// SPDX-License-Identifier: Apache-2.0
// The ways to backends over the kernel's own routes and neighbours.
//
//   this namespace: near 10.77.0.1 ── far 10.77.0.2, 10.77.1.2: another namespace
#include "manager/l4/ways.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "support/packet/sandbox.h"

namespace koi {
namespace {

using std::chrono_literals::operator""s;

class WaysTest : public testing::Test {
 protected:
  void SetUp() override {
    EnterSandbox();
    peer_ = StartPeer();
    Run(
        absl::StrCat("ip link add near address 02:00:00:00:77:01 mtu 1400 type veth peer name far "
                     "address 02:00:00:00:77:02 netns ",
                     peer_));
    Run("ip addr add 10.77.0.1/24 dev near && ip link set near up");
    RunThere("ip addr add 10.77.0.2/24 dev far && ip addr add 10.77.1.2/32 dev far");
    RunThere("ip link set far up");
  }
  void TearDown() override {
    Run("ip link del near");
    ::kill(peer_, SIGKILL);
    ::waitpid(peer_, nullptr, 0);
  }

  // A process in a network namespace of its own.
  static pid_t StartPeer() {
    int ready[2];
    KOI_CHECK(::pipe(ready) == 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::unshare(CLONE_NEWNET) != 0 || ::write(ready[1], "r", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
    return pid;
  }
  static void Run(const std::string& command) {
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
  void RunThere(const std::string& command) const {
    Run(absl::StrCat("nsenter --net=/proc/", peer_, "/ns/net sh -c '", command, "'"));
  }

  static BackendEntry At(uint32_t number, const char* address) {
    return {.number = number,
            .l4 = true,
            .incarnation = 1,
            .endpoint = {.address = *Address::Parse(address), .port = 80}};
  }
  bool Eventually(const std::function<bool()>& condition) {
    const TimePoint end = Now() + 10s;
    while (!condition() && Now() < end) {
      auto timer = loop_->After(std::chrono::milliseconds(20), [this] { loop_->Stop(); });
      loop_->Run();
    }
    return condition();
  }
  static std::map<NeighbourKey, Neighbour> Kept() {
    auto all = *Routes::Open()->Neighbours();
    std::erase_if(all, [](const auto& each) { return !each.second.kept; });
    return all;
  }

  static constexpr MacAddress kNearMac = {2, 0, 0, 0, 0x77, 1};
  static constexpr MacAddress kFarMac = {2, 0, 0, 0, 0x77, 2};
  pid_t peer_ = 0;
  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
  std::map<uint32_t, BackendWay> told_;
  std::vector<uint32_t> interfaces_;
  Ways ways_{*loop_,
             {.on_interfaces = [this](const std::vector<uint32_t>& all) { interfaces_ = all; },
              .on_way = [this](const BackendEntry& backend,
                               const BackendWay& way) { told_[backend.number] = way; }}};
};

TEST_F(WaysTest, MacIsFoundOutWithoutAPacketAndForgottenWithTheBackend) {
  ways_.SetBackends({At(1024, "10.77.0.2"), At(1025, "10.77.0.99"), At(1026, "10.77.0.1"),
                     At(1027, "192.0.2.1")});
  ASSERT_TRUE(Eventually([&] { return told_[1024].egress != 0; }));
  EXPECT_EQ(told_[1024].to_mac, kFarMac);
  EXPECT_EQ(told_[1024].from_mac, kNearMac);
  EXPECT_EQ(told_[1024].mtu, 1400);
  EXPECT_EQ(interfaces_, std::vector<uint32_t>{told_[1024].egress});
  EXPECT_EQ(told_[1025], BackendWay()) << "nobody answers there";
  EXPECT_EQ(told_[1026].egress, kEgressHere);
  EXPECT_EQ(told_[1027], BackendWay()) << "there is no route";
  EXPECT_EQ(Kept().size(), 2U);

  ways_.SetBackends({At(1024, "10.77.0.2")});
  EXPECT_EQ(Kept().size(), 1U);
  ways_.Release();
  EXPECT_TRUE(Kept().empty());
}

TEST_F(WaysTest, RoutersMacLeadsToWhatIsBehindItAndRoutesAreFollowed) {
  ways_.SetBackends({At(1024, "10.77.1.2")});
  EXPECT_EQ(told_[1024], BackendWay());

  Run("ip route add 10.77.1.0/24 via 10.77.0.2 mtu 1300");
  ASSERT_TRUE(Eventually([&] { return told_[1024].egress != 0; }));
  EXPECT_EQ(told_[1024].to_mac, kFarMac);
  EXPECT_EQ(told_[1024].mtu, 1300);

  RunThere("ip link set far address 02:00:00:00:77:03");
  Run("ip neigh replace 10.77.0.2 lladdr 02:00:00:00:77:03 nud reachable dev near");
  EXPECT_TRUE(Eventually([&] { return told_[1024].to_mac == MacAddress{2, 0, 0, 0, 0x77, 3}; }));

  Run("ip link set near down");
  EXPECT_TRUE(Eventually([&] { return told_[1024] == BackendWay(); }));
  ways_.Release();
}

TEST_F(WaysTest, NeighbourThatSomebodySetIsLeftAlone) {
  Run("ip neigh replace 10.77.0.9 lladdr 02:00:00:00:77:09 nud permanent dev near");
  ways_.SetBackends({At(1024, "10.77.0.9")});
  EXPECT_EQ(told_[1024].to_mac, (MacAddress{2, 0, 0, 0, 0x77, 9}));
  EXPECT_TRUE(Kept().empty());
  ways_.Release();
}

}  // namespace
}  // namespace koi
