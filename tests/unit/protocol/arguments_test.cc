// SPDX-License-Identifier: Apache-2.0
// koid's arguments on their way to koi-manager.
#include "protocol/arguments.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ArgumentsTest, ArriveAsTheyWereTypedAndMoreThanOnce) {
  const absl::StatusOr<Fd> packed = PackArguments({"10.0.0.1", "", "a b\n", "fd00::1"});
  ASSERT_TRUE(packed.ok()) << packed.status();
  for (int reader = 0; reader < 2; ++reader) {
    SCOPED_TRACE(reader);
    const auto unpacked = UnpackArguments(packed->get());
    ASSERT_TRUE(unpacked.ok()) << unpacked.status();
    EXPECT_THAT(*unpacked, ElementsAre("10.0.0.1", "", "a b\n", "fd00::1"));
  }
}

TEST(ArgumentsTest, NoneArriveAsNone) {
  const absl::StatusOr<Fd> packed = PackArguments({});
  ASSERT_TRUE(packed.ok()) << packed.status();
  const auto unpacked = UnpackArguments(packed->get());
  ASSERT_TRUE(unpacked.ok()) << unpacked.status();
  EXPECT_THAT(*unpacked, IsEmpty());
}

TEST(ArgumentsTest, NobodyChangesThemOnTheWay) {
  const absl::StatusOr<Fd> packed = PackArguments({"10.0.0.1"});
  ASSERT_TRUE(packed.ok()) << packed.status();
  EXPECT_LT(::pwrite(packed->get(), "x", 1, 0), 0);
}

TEST(ArgumentsTest, WhatIsNoFileIsAnError) { EXPECT_FALSE(UnpackArguments(-1).ok()); }

}  // namespace
}  // namespace koi
