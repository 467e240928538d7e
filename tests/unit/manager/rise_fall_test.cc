// SPDX-License-Identifier: Apache-2.0
// When check results change a backend's health.
#include "manager/health/rise_fall.h"

#include <gtest/gtest.h>

namespace koi {
namespace {

TEST(RiseFallTest, FirstResultDecidesAlone) {
  EXPECT_EQ(RiseFall(2, 3).Succeeded(), BackendHealth::kUp);
  EXPECT_EQ(RiseFall(2, 3).Failed(), BackendHealth::kDown);
}

TEST(RiseFallTest, FallFailuresInARowTakeItDown) {
  RiseFall backend(2, 3, BackendHealth::kUp);
  EXPECT_EQ(backend.Failed(), BackendHealth::kUp);
  EXPECT_EQ(backend.Failed(), BackendHealth::kUp);
  EXPECT_EQ(backend.Failed(), BackendHealth::kDown);
}

TEST(RiseFallTest, OneSuccessBetweenStartsTheCountAgain) {
  RiseFall backend(2, 2, BackendHealth::kUp);
  EXPECT_EQ(backend.Failed(), BackendHealth::kUp);
  EXPECT_EQ(backend.Succeeded(), BackendHealth::kUp);
  EXPECT_EQ(backend.Failed(), BackendHealth::kUp);
  EXPECT_EQ(backend.Failed(), BackendHealth::kDown);
}

TEST(RiseFallTest, RiseSuccessesInARowBringItUp) {
  RiseFall backend(2, 3, BackendHealth::kDown);
  EXPECT_EQ(backend.Succeeded(), BackendHealth::kDown);
  EXPECT_EQ(backend.Succeeded(), BackendHealth::kUp);
}

}  // namespace
}  // namespace koi
