// SPDX-License-Identifier: Apache-2.0
// What a child is when it starts: its privileges, its descriptors, its CPU; and when it is started
// again.
#include "keeper/children.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/channel.h"

namespace koi {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const TimePoint kStart{1h};

TEST(RestartBackOffTest, FirstRestartIsImmediateAndLaterOnesWaitEverLonger) {
  RestartBackOff back_off;
  EXPECT_EQ(back_off.AfterEnd(kStart, kStart + 1s), 0s);
  EXPECT_EQ(back_off.AfterEnd(kStart, kStart + 1s), 50ms);
  EXPECT_EQ(back_off.AfterEnd(kStart, kStart + 1s), 100ms);
  for (int i = 0; i < 10; ++i) (void)back_off.AfterEnd(kStart, kStart + 1s);
  EXPECT_EQ(back_off.AfterEnd(kStart, kStart + 1s), 5s);
}

TEST(RestartBackOffTest, LongLifeIsForgiven) {
  RestartBackOff back_off;
  for (int i = 0; i < 5; ++i) (void)back_off.AfterEnd(kStart, kStart + 1s);
  EXPECT_EQ(back_off.AfterEnd(kStart, kStart + 2s), 0s);
}

// Runs /bin/sh with the privileges of `role`, its descriptor 3 being a channel, and returns what it
// writes there.
std::string OutputOfShell(ChildRole role, int cpu, const std::string& script) {
  auto pair = *MakeChannelPair();
  const ChildProgram shell{role, cpu, "/bin/sh", {"-c", script}};
  const absl::StatusOr<pid_t> pid = StartChild(shell, {pair.second.get()});
  if (!pid.ok()) return std::string(pid.status().message());
  pair.second.Close();
  ::waitpid(*pid, nullptr, 0);
  std::string output;
  for (auto message = ReceiveMessage(pair.first.get()); message.ok();
       message = ReceiveMessage(pair.first.get())) {
    output += message->bytes;
  }
  return output;
}

TEST(StartChildTest, WorkerIsNobodyWithoutAnyCapabilityAndPinned) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give up privileges";
  cpu_set_t mine;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(mine), &mine), 0);
  int cpu = 0;
  while (!CPU_ISSET(static_cast<size_t>(cpu), &mine)) ++cpu;

  const std::string status =
      OutputOfShell(ChildRole::kWorker, cpu, "cat /proc/self/status >&3; ls -l /proc/self/fd >&3");
  EXPECT_THAT(status, HasSubstr("Uid:\t64250\t64250\t64250\t64250"));
  EXPECT_THAT(status, HasSubstr("Groups:\t \n"));
  EXPECT_THAT(status, HasSubstr("CapPrm:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("CapBnd:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("CapAmb:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(status, HasSubstr("Cpus_allowed_list:\t" + std::to_string(cpu) + "\n"));
}

TEST(StartChildTest, NothingIsInheritedBeyondTheChannels) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give up privileges";
  const int left_open = ::fcntl(STDERR_FILENO, F_DUPFD, 100);  // not close-on-exec
  const std::string open_in_child =
      OutputOfShell(ChildRole::kWorker, -1,
                    "for fd in /proc/self/fd/*; do echo ${fd##*/}; done | tr '\\n' ' ' >&3");
  ::close(left_open);
  EXPECT_EQ(open_in_child.substr(0, 8), "0 1 2 3 ") << open_in_child;
  EXPECT_EQ(open_in_child.find(" " + std::to_string(left_open) + " "), std::string::npos)
      << open_in_child;
}

TEST(StartChildTest, CarpKeepsOnlyItsNetworkCapabilitiesOverExec) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give up privileges";
  const std::string status = OutputOfShell(ChildRole::kCarp, -1, "cat /proc/self/status >&3");
  EXPECT_THAT(status, HasSubstr("Uid:\t64251\t64251\t64251\t64251"));
  EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000003000"));  // NET_ADMIN 12, NET_RAW 13
  EXPECT_THAT(status, HasSubstr("CapBnd:\t0000000000000000"));
}

TEST(StartChildTest, ManagerStaysRootWithinItsBoundingSet) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give up privileges";
  const std::string status = OutputOfShell(ChildRole::kManager, -1, "cat /proc/self/status >&3");
  EXPECT_THAT(status, HasSubstr("Uid:\t0\t0\t0\t0"));
  EXPECT_THAT(
      status,
      HasSubstr("CapEff:\t000000c000201000"));  // BPF 39, PERFMON 38, SYS_ADMIN 21, NET_ADMIN 12
}

TEST(StartChildTest, ProgramBelowAFolderClosedToItsUserIsStartedAllTheSame) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give up privileges";
  std::string folder = testing::TempDir() + "koi-closed-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);  // mode 0700
  ASSERT_EQ(std::system(("cp /bin/sh " + folder).c_str()), 0);
  auto pair = *MakeChannelPair();
  const ChildProgram shell{ChildRole::kWorker, -1, folder + "/sh", {"-c", "echo started >&3"}};
  const pid_t pid = *StartChild(shell, {pair.second.get()});
  ::waitpid(pid, nullptr, 0);
  const absl::StatusOr<ChannelMessage> message = ReceiveMessage(pair.first.get());
  EXPECT_TRUE(message.ok()) << message.status();
  ASSERT_EQ(std::system(("rm -r " + folder).c_str()), 0);
}

TEST(StartChildTest, ChildDiesWithItsKeeper) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give up privileges";
  auto pair = *MakeChannelPair();
  const pid_t keeper = ::fork();
  if (keeper == 0) {
    const ChildProgram sleeper{
        ChildRole::kWorker, -1, "/bin/sh", {"-c", "echo up >&3; exec sleep 600"}};
    const absl::StatusOr<pid_t> child = StartChild(sleeper, {pair.second.get()});
    pollfd up = {.fd = pair.first.get(), .events = POLLIN, .revents = 0};
    ::_exit(child.ok() && ::poll(&up, 1, 5000) == 1 ? 0 : 1);
  }
  pair.second.Close();
  int status = 0;
  ASSERT_EQ(::waitpid(keeper, &status, 0), keeper);
  ASSERT_EQ(status, 0);
  // The child holds the other end of the channel: it is gone when the child is.
  absl::StatusOr<ChannelMessage> message = absl::DeadlineExceededError("");
  const TimePoint limit = Now() + 5s;
  while (!absl::IsUnavailable(message.status()) && Now() < limit)
    message = ReceiveMessage(pair.first.get());
  EXPECT_TRUE(absl::IsUnavailable(message.status())) << message.status();
}

// Whether the death signal comes or was armed too late, no child outlives a keeper that dies while
// it starts one.
TEST(StartChildTest, ChildOfAKeeperThatDiesMeanwhileEndsToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give up privileges";
  auto pair = *MakeChannelPair();
  for (int round = 0; round < 50; ++round) {
    const pid_t keeper = ::fork();
    if (keeper == 0) {
      const ChildProgram sleeper{ChildRole::kWorker, -1, "/bin/sleep", {"600"}};
      (void)StartChild(sleeper, {pair.second.get()});
      // Each keeper dies a little later in its child's life.
      const TimePoint end = Now() + round * std::chrono::microseconds(50);
      while (Now() < end) {
      }
      ::_exit(0);
    }
    ASSERT_EQ(::waitpid(keeper, nullptr, 0), keeper);
  }
  pair.second.Close();
  // Each child holds the other end of the channel, also while it is none yet.
  pollfd closed = {.fd = pair.first.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&closed, 1, 10'000), 1);
  EXPECT_TRUE(absl::IsUnavailable(ReceiveMessage(pair.first.get()).status()));
}

}  // namespace
}  // namespace koi
