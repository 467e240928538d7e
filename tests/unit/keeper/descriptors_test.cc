// SPDX-License-Identifier: Apache-2.0
// What the keeper holds.
#include "keeper/descriptors.h"

#include <gtest/gtest.h>

#include <set>

#include "net/socket.h"

namespace koi {
namespace {

TEST(DescriptorsTest, EachCpuHasAListenerOfEachFamilyOnLoopbackAlone) {
  const auto descriptors = Descriptors::Open({0, 3});
  ASSERT_TRUE(descriptors.ok()) << descriptors.status();
  std::set<std::pair<int, std::string>> listeners;
  descriptors->ForEachListener([&](int cpu, int, int fd) {
    listeners.insert({cpu, LocalEndpoint(fd)->address.ToString()});
  });
  const std::set<std::pair<int, std::string>> expected = {
      {0, "127.0.0.1"}, {0, "::1"}, {3, "127.0.0.1"}, {3, "::1"}};
  EXPECT_EQ(listeners, expected);
}

TEST(DescriptorsTest, HeldDescriptorIsReplacedByOneOfTheSameName) {
  auto descriptors = *Descriptors::Open({0});
  ASSERT_TRUE(descriptors.Hold("link", *Fd::DuplicateOf(0)).ok());
  ASSERT_TRUE(descriptors.Hold("link", *Fd::DuplicateOf(0)).ok());
  int count = 0;
  descriptors.ForEachHeld([&](const std::string&, int) { ++count; });
  EXPECT_EQ(count, 1);
  descriptors.Drop("link");
  descriptors.ForEachHeld([&](const std::string&, int) { ++count; });
  EXPECT_EQ(count, 1);
}

TEST(DescriptorsTest, NumberOfHeldDescriptorsIsLimited) {
  auto descriptors = *Descriptors::Open({0});
  absl::Status held;
  for (int i = 0; held.ok() && i < 3000; ++i)
    held = descriptors.Hold(std::to_string(i), *Fd::DuplicateOf(0));
  EXPECT_TRUE(absl::IsResourceExhausted(held));
}

}  // namespace
}  // namespace koi
