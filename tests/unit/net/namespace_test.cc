// SPDX-License-Identifier: Apache-2.0
// One holder of a name in a network namespace, and the processes of one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "net/namespace_lock.h"
#include "net/namespace_processes.h"

namespace koi {
namespace {

using std::chrono_literals::operator""s;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::Field;
using ::testing::Not;

std::string OwnName() { return absl::StrCat("koi-test-", ::getpid()); }

// Runs `body` in a process of its own; true when it returned true.
bool InAnotherProcess(const std::function<bool()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body() ? 0 : 1);
  int wait_status = 0;
  return ::waitpid(pid, &wait_status, 0) == pid && wait_status == 0;
}

TEST(NamespaceLockTest, SecondOneIsToldWhoHoldsIt) {
  const absl::StatusOr<NamespaceLock> first = NamespaceLock::Take(OwnName());
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::StatusOr<NamespaceLock> second = NamespaceLock::Take(OwnName());
  EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()),
              EndsWith(absl::StrCat(" (pid ", ::getpid(), ")")));
}

TEST(NamespaceLockTest, IsFreeAgainWithItsHolder) {
  EXPECT_TRUE(InAnotherProcess([] { return NamespaceLock::Take(OwnName()).ok(); }));
  (void)NamespaceLock::Take(OwnName());
  EXPECT_TRUE(NamespaceLock::Take(OwnName()).ok());
}

TEST(NamespaceLockTest, ChildForkedByADeadHolderIsWaitedFor) {
  int started[2];
  ASSERT_EQ(::pipe(started), 0);
  const std::string name = OwnName();
  EXPECT_TRUE(InAnotherProcess([&] {
    const absl::StatusOr<NamespaceLock> lock = NamespaceLock::Take(name);
    if (::fork() == 0) {
      (void)!::write(started[1], "s", 1);
      const TimePoint end = Now() + std::chrono::milliseconds(200);
      while (Now() < end) ::sched_yield();
      ::_exit(0);
    }
    return lock.ok();
  }));
  char byte;
  ASSERT_EQ(::read(started[0], &byte, 1), 1);
  EXPECT_TRUE(NamespaceLock::Take(name).ok());
  ::close(started[0]);
  ::close(started[1]);
}

TEST(NamespaceLockTest, AnswersAnyNumberOfQuestions) {
  absl::StatusOr<NamespaceLock> lock = NamespaceLock::Take(OwnName());
  ASSERT_TRUE(lock.ok());
  for (int question = 0; question < 200; ++question) {
    const std::string holder(NamespaceLock::Take(OwnName()).status().message());
    ASSERT_THAT(holder, EndsWith(absl::StrCat(" (pid ", ::getpid(), ")"))) << question;
    lock->AnswerAll();
  }
}

TEST(NamespaceLockTest, AnotherNetworkNamespaceHasItsOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may make a network namespace";
  const absl::StatusOr<NamespaceLock> lock = NamespaceLock::Take(OwnName());
  const std::string name = OwnName();
  EXPECT_TRUE(InAnotherProcess(
      [&] { return ::unshare(CLONE_NEWNET) == 0 && NamespaceLock::Take(name).ok(); }));
}

TEST(NamespaceLockTest, HolderInAnotherPidNamespaceHasNoPidHere) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may make a PID namespace";
  const absl::StatusOr<NamespaceLock> lock = NamespaceLock::Take(OwnName());
  const std::string name = OwnName();
  EXPECT_TRUE(InAnotherProcess([&] {
    return ::unshare(CLONE_NEWPID) == 0 && InAnotherProcess([&] {
             return NamespaceLock::Take(name).status().message() ==
                    "a process in another PID namespace";
           });
  }));
}

// A process of the given name that sleeps until it is killed, this one's child.
class Sleeper {
 public:
  explicit Sleeper(const std::string& name, int new_namespaces = 0) {
    int ready[2];
    if (::pipe(ready) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_NAME, name.c_str());
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (new_namespaces != 0 && ::unshare(new_namespaces) != 0) ::_exit(1);
      ::close(ready[0]);
      ::close(ready[1]);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char nothing;
    (void)!::read(ready[0], &nothing, 1);  // closed: it has its name
    ::close(ready[0]);
  }
  ~Sleeper() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

auto IsProcess(pid_t pid) { return Field(&NamespaceProcess::pid, pid); }

TEST(NamespaceProcessesTest, FoundByNameUnlessTheirParentLives) {
  const Sleeper sleeper("koi test) (1");
  EXPECT_THAT(OrphansOfNamespace({"koi test) (1"}, "koid"), Contains(IsProcess(sleeper.pid())));
  EXPECT_THAT(OrphansOfNamespace({"koi-other"}, "koid"), Not(Contains(IsProcess(sleeper.pid()))));
  char own_name[16];
  ::prctl(PR_GET_NAME, own_name);
  EXPECT_THAT(OrphansOfNamespace({"koi test) (1"}, own_name),
              Not(Contains(IsProcess(sleeper.pid()))));
}

TEST(NamespaceProcessesTest, AnotherNetworkNamespaceIsNotLookedAt) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may make a network namespace";
  const Sleeper sleeper("koi-test-ns", CLONE_NEWNET);
  EXPECT_THAT(OrphansOfNamespace({"koi-test-ns"}, "koid"), Not(Contains(IsProcess(sleeper.pid()))));
}

TEST(NamespaceProcessesTest, EndedOneIsGoneAndAnotherOfItsPidIsLeftAlone) {
  const Sleeper sleeper("koi-test-end");
  EXPECT_TRUE(EndProcess({sleeper.pid(), "koi-test-before"}, 1s).ok());
  EXPECT_EQ(::kill(sleeper.pid(), 0), 0);
  EXPECT_EQ(::waitpid(sleeper.pid(), nullptr, WNOHANG), 0);
  EXPECT_TRUE(EndProcess({sleeper.pid(), "koi-test-end"}, 5s).ok());
  EXPECT_EQ(::waitpid(sleeper.pid(), nullptr, WNOHANG), sleeper.pid());
}

}  // namespace
}  // namespace koi
