// SPDX-License-Identifier: Apache-2.0
// The whole docker/Dockerfile, its build stage too: minutes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "container/container.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

TEST(FullBuildTest, CheckoutAloneMakesAnImageThatRuns) {
  Lab lab;
  const std::string image = absl::StrCat("localhost/koi-full-", getpid());
  lab.AtTakeDown(Podman({"rmi", "--force", image}));
  lab.AtTakeDown(Podman({"image", "prune", "--force"}));  // the build stage
  const ProgramResult built = lab.Run({ContainerScript("images"), "full", image}, 1500s);
  ASSERT_TRUE(built.ok()) << built.Describe();
  const ProgramResult version =
      lab.Run(Podman({"run", "--rm", "--network=none", "--entrypoint=koi", image, "version"}));
  EXPECT_THAT(version.out, ::testing::HasSubstr(KOI_VERSION)) << version.Describe();
}

}  // namespace
}  // namespace koi::lab
