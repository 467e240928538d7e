// SPDX-License-Identifier: Apache-2.0
// koi cleanup, where it needs no root and touches nothing: what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "net/namespace_lock.h"
#include "protocol/keeper_messages.h"
#include "typed.h"

namespace koi {
namespace {

using ::testing::HasSubstr;

// In a network namespace of its own, which other tests and a koi of this host do not share.
class CleanupTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "only root may make a network namespace";
  }
};

TEST_F(CleanupTest, WithoutAConfigurationItAsksForNames) {
  const Said said = Typed("cleanup --config /nonexistent/koi.toml");
  EXPECT_EQ(said.code, kExitConfigInvalid);
  EXPECT_EQ(said.out, "");
  EXPECT_THAT(said.talk, HasSubstr("/nonexistent/koi.toml"));
  EXPECT_THAT(said.talk, HasSubstr("--interface, --bpffs and --run"));
}

TEST_F(CleanupTest, RefusesWhileKoiRunsInThisNetworkNamespace) {
  const absl::StatusOr<NamespaceLock> running = NamespaceLock::Take(kNodeLockName);
  ASSERT_TRUE(running.ok()) << running.status();
  const Said said = Typed("cleanup --run /nonexistent");
  EXPECT_EQ(said.code, kExitConflict);
  EXPECT_EQ(said.out, "");
  EXPECT_THAT(said.talk, HasSubstr(absl::StrCat("(pid ", ::getpid(), ")")));
  // Whatever the configuration is like.
  EXPECT_EQ(Typed("cleanup --config /nonexistent/koi.toml").code, kExitConflict);
}

TEST_F(CleanupTest, NothingLeftIsNoFailure) {
  const Said said = Typed("cleanup --dry-run --run /nonexistent --bpffs /nonexistent/bpf");
  EXPECT_EQ(said.code, kExitOk) << said.talk;
  EXPECT_EQ(said.out, "nothing to clean\n");
  EXPECT_EQ(Typed("cleanup --dry-run --run /nonexistent -o json").out,
            "{\n  \"dry_run\": true,\n  \"removed\": [],\n  \"failed\": []\n}\n");
}

}  // namespace
}  // namespace koi
