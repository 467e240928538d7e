// SPDX-License-Identifier: Apache-2.0
// Shares, order, and how little a change changes.
#include "dataplane/maglev.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <koi/abi/limits.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/time.h"

namespace koi {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kSlots = 65'537;

std::vector<MaglevBackend> Backends(uint16_t count, uint32_t weight = 100) {
  std::vector<MaglevBackend> backends;
  for (uint16_t i = 1; i <= count; ++i)
    backends.push_back({.name = absl::StrCat("web-", i), .weight = weight, .number = i});
  return backends;
}

std::map<uint16_t, int> Shares(const std::vector<uint16_t>& table) {
  std::map<uint16_t, int> shares;
  for (const uint16_t number : table) ++shares[number];
  return shares;
}

// Slots that differ although neither has `except` there.
double OthersMoved(const std::vector<uint16_t>& before, const std::vector<uint16_t>& after,
                   uint16_t except) {
  int moved = 0;
  for (size_t slot = 0; slot < before.size(); ++slot) {
    if (before[slot] != after[slot] && before[slot] != except && after[slot] != except) ++moved;
  }
  return 100.0 * moved / static_cast<double>(before.size());
}

TEST(MaglevTest, NobodyHasAnEmptyTable) {
  EXPECT_THAT(MaglevTable({}, kSlots), IsEmpty());
  EXPECT_THAT(MaglevTable(Backends(3, 0), kSlots), IsEmpty());
}

TEST(MaglevTest, SlotsAreSharedByWeight) {
  std::vector<MaglevBackend> backends = Backends(4);
  backends[1].weight = 50;
  backends[2].weight = 0;
  backends[3].weight = 350;
  const auto shares = Shares(MaglevTable(backends, 5003));
  EXPECT_NEAR(shares.at(1), 5003 * 0.2, 1);
  EXPECT_NEAR(shares.at(2), 5003 * 0.1, 1);
  EXPECT_EQ(shares.count(3), 0U);
  EXPECT_NEAR(shares.at(4), 5003 * 0.7, 1);
}

TEST(MaglevTest, NamesAndRatiosOfWeightsDecideAndNothingElse) {
  std::vector<MaglevBackend> backends = Backends(7);
  backends[2].weight = 33;
  const std::vector<uint16_t> table = MaglevTable(backends, 5003);

  std::reverse(backends.begin(), backends.end());
  for (MaglevBackend& backend : backends) {
    backend.number += 1000;
    backend.weight *= 4;
  }
  const std::vector<uint16_t> other = MaglevTable(backends, 5003);
  for (size_t slot = 0; slot < table.size(); ++slot) ASSERT_EQ(table[slot] + 1000, other[slot]);
}

// Pairs of hosts may run different versions: this table is for ever.
TEST(MaglevTest, TableIsTheSameInEveryVersion) {
  std::vector<MaglevBackend> backends = Backends(3);
  backends[2].weight = 50;
  EXPECT_THAT(MaglevTable(backends, 13), ElementsAre(1, 1, 2, 1, 2, 1, 1, 1, 3, 3, 2, 2, 2));
}

TEST(MaglevTest, OneWithoutOthersHasAllAndATinyWeightMayHaveNone) {
  EXPECT_THAT(MaglevTable(Backends(1, 1), 2), Each(1));
  std::vector<MaglevBackend> backends = Backends(2, 1);
  backends[0].weight = 4'000'000'000;
  EXPECT_THAT(MaglevTable(backends, 5003), Each(1));
}

TEST(MaglevTest, LargestRingIsFilled) {
  const int slots = KOI_RING_SLOTS_MAX;
  const auto shares = Shares(MaglevTable(Backends(3), slots));
  for (const auto& [number, share] : shares) EXPECT_NEAR(share, slots / 3, 1);
  EXPECT_EQ(shares.size(), 3U);
}

TEST(MaglevTest, ChangeOfOneBackendMovesFewSlotsOfTheOthers) {
  const std::vector<MaglevBackend> hundred = Backends(100);
  const std::vector<uint16_t> before = MaglevTable(hundred, kSlots);
  const auto moved = [&](const char* what, const std::vector<MaglevBackend>& after,
                         uint16_t except) {
    const double percent = OthersMoved(before, MaglevTable(after, kSlots), except);
    std::printf("measured maglev_%s %.2f percent\n", what, percent);
    EXPECT_LT(percent, 5) << what;
  };
  moved("add", Backends(101), 101);
  std::vector<MaglevBackend> changed = hundred;
  changed.erase(changed.begin() + 41);
  moved("remove", changed, 42);
  changed = hundred;
  changed[41].weight = 50;
  moved("halve", changed, 42);
  changed[41].weight = 300;
  moved("treble", changed, 42);
}

TEST(MaglevTest, ThousandBackendsTakeLittleTime) {
  std::vector<MaglevBackend> backends = Backends(1000);
  for (size_t i = 0; i < backends.size(); ++i) backends[i].weight = 50 + i % 100;
  Duration best = std::chrono::hours(1);
  for (int run = 0; run < 5; ++run) {
    const TimePoint begin = Now();
    EXPECT_EQ(MaglevTable(backends, kSlots).size(), kSlots);
    best = std::min(best, Now() - begin);
  }
  std::printf("measured maglev_1000_backends %.1f ms\n", static_cast<double>(best.count()) / 1e6);
}

}  // namespace
}  // namespace koi
