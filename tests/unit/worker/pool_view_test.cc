// SPDX-License-Identifier: Apache-2.0
// Which backend is next: by weight, by load over all workers, within limits.
#include "worker/backend/pool_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>

#include "base/check.h"
#include "base/fd.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr uint32_t kPool = 3;

Fd Table() {
  Fd fd(::memfd_create("table", MFD_CLOEXEC));
  KOI_CHECK(fd.valid() && ::ftruncate(fd.get(), off_t{1} << 22) == 0);
  return fd;
}

AllWorkers Others(const Fd& own_cpu, const Fd& other_cpu) {
  AllWorkers others;
  others.AddOwnCpu(*WorkerView::Open(own_cpu.get()), 0);
  others.AddCpu(*WorkerView::Open(other_cpu.get()));
  return others;
}

class PoolViewTest : public ::testing::Test {
 protected:
  uint32_t Add(const std::string& name, uint32_t weight = 100, uint32_t limit = 0) {
    BackendEntry entry = {.health = BackendHealth::kUp,
                          .weight = weight,
                          .connections_max = limit,
                          .pool = kPool,
                          .endpoint = *Endpoint::Parse("10.0.0.1:80"),
                          .name = name};
    entry = *map_.Add(entry, [](uint32_t) { return true; });
    entries_[name] = entry;
    return entry.number;
  }
  Counters Of(WorkerCounters& worker, const std::string& name) {
    return worker.Backend(entries_[name].number, entries_[name].incarnation);
  }
  // The name of the next one, whose connection stays in use; "": none, "full": none is free.
  std::string Next() {
    const PoolView::Answer answer = view_.Next(tried_, rules_, now_);
    if (!answer.chosen.has_value()) return answer.full ? "full" : "";
    for (const auto& [name, entry] : entries_) {
      if (entry.number == answer.chosen->member.number) return name;
    }
    return "?";
  }
  // How often each was the next of `times`, whose connections end at once.
  std::map<std::string, int> Shares(int times) {
    std::map<std::string, int> shares;
    for (int i = 0; i < times; ++i) {
      const std::string name = Next();
      ++shares[name];
      Of(own_, name).ConnectionEnds();
    }
    return shares;
  }

  Fd backends_ = Table();
  Fd own_cpu_ = Table();
  Fd other_cpu_ = Table();
  BackendMap map_ = *BackendMap::Open(backends_.Duplicate().value());
  BackendView backend_view_ = *BackendView::Open(backends_.get());
  WorkerCounters own_ = *WorkerCounters::Open(own_cpu_.get(), 0);
  WorkerCounters follower_ = *WorkerCounters::Open(own_cpu_.get(), 1);
  WorkerCounters other_ = *WorkerCounters::Open(other_cpu_.get(), 1);
  AllWorkers others_ = Others(own_cpu_, other_cpu_);
  std::map<std::string, BackendEntry> entries_;
  std::vector<uint32_t> tried_;
  PoolView::Rules rules_;
  TimePoint now_ = Now() + std::chrono::hours(1);
  PoolView view_{backend_view_, own_, others_, kPool};
};

TEST_F(PoolViewTest, TurnsGoByWeightAndTheHeavyOneNotInARow) {
  EXPECT_EQ(Next(), "");
  EXPECT_TRUE(view_.Empty());
  Add("a", 200);
  Add("b", 100);
  Add("c", 100);
  std::string order;
  for (int i = 0; i < 8; ++i) order += Next();
  EXPECT_EQ(order, "abcaabca");
  tried_ = {entries_["a"].number};
  EXPECT_EQ(Next(), "b");
  tried_.push_back(entries_["b"].number);
  tried_.push_back(entries_["c"].number);
  EXPECT_EQ(Next(), "");
}

TEST_F(PoolViewTest, LeastConnectionsCountsThoseOfEveryWorker) {
  rules_.balance = Balance::kLeastConnections;
  Add("a");
  Add("b");
  Add("c");
  Of(other_, "a").ConnectionBegins();
  Of(other_, "a").ConnectionBegins();
  Of(follower_, "b").ConnectionBegins();
  EXPECT_EQ(Next(), "c");
  EXPECT_THAT((std::vector<std::string>{Next(), Next()}),
              ::testing::UnorderedElementsAre("b", "c"));
  EXPECT_THAT((std::vector<std::string>{Next(), Next(), Next()}),
              ::testing::UnorderedElementsAre("a", "b", "c"));
  for (int i = 0; i < 3; ++i) Of(other_, "b").ConnectionBegins();
  now_ += std::chrono::milliseconds(1);
  EXPECT_NE(Next(), "b") << "a millisecond later";
}

TEST_F(PoolViewTest, LeastConnectionsGoByWeightAndThoseAlikeHaveTheirTurns) {
  rules_.balance = Balance::kLeastConnections;
  Add("a", 300);
  Add("b", 100);
  EXPECT_THAT(Shares(400), ElementsAre(Pair("a", 300), Pair("b", 100))) << "while nothing is open";
  std::map<std::string, int> open;
  for (int i = 0; i < 40; ++i) ++open[Next()];
  EXPECT_THAT(open, ElementsAre(Pair("a", 30), Pair("b", 10)));
}

TEST_F(PoolViewTest, RandomTwoLeavesTheBusiestAloneAndGoesByWeight) {
  rules_.balance = Balance::kRandomTwo;
  Add("a");
  Add("b");
  Add("c", 200);
  for (int i = 0; i < 9; ++i) Of(other_, "a").ConnectionBegins();
  std::map<std::string, int> shares = Shares(1000);
  EXPECT_EQ(shares["a"], 0) << "every draw has one that is freer";
  EXPECT_GT(shares["b"], 100);
  EXPECT_GT(shares["c"], shares["b"]);
}

TEST_F(PoolViewTest, LimitHoldsOverAllWorkers) {
  Add("a", 100, 3);
  EXPECT_TRUE(view_.Limited());
  Of(other_, "a").ConnectionBegins();
  Of(follower_, "a").ConnectionBegins();
  EXPECT_EQ(Next(), "a");
  EXPECT_EQ(Next(), "full");
  EXPECT_EQ(Of(own_, "a").connections(), 1U);
  Of(other_, "a").ConnectionEnds();
  EXPECT_EQ(Next(), "a");
  Add("b");
  EXPECT_EQ(Next(), "b") << "one without a limit";
}

TEST_F(PoolViewTest, OthersNumbersThatAreAbsurdFillABackendAndNothingElse) {
  rules_.balance = Balance::kLeastConnections;
  Add("a", 1000, 3);
  Add("b", 1, 3);
  for (int i = 0; i < 100; ++i) Of(other_, "a").ConnectionBegins();
  EXPECT_EQ(Next(), "b");
  tried_ = {entries_["b"].number};
  EXPECT_EQ(Next(), "full");
}

TEST_F(PoolViewTest, OneThatCameUpGetsItsShareByAndBy) {
  rules_.slow_start = std::chrono::seconds(100);
  Add("a");
  Add("b");
  BackendEntry& entry = entries_["b"];
  entry.health = BackendHealth::kDown;
  map_.Update(entry);
  entry.health = BackendHealth::kUp;
  map_.Update(entry);
  const TimePoint since = backend_view_.UpSince(entry.number);
  const auto share = [&](int seconds) {
    now_ = since + std::chrono::seconds(seconds);
    return Shares(1000)["b"];
  };
  EXPECT_NEAR(share(-1), 30, 5) << "to find out how it does";
  EXPECT_NEAR(share(25), 200, 5);
  EXPECT_NEAR(share(50), 333, 5);
  EXPECT_NEAR(share(100), 500, 5);
  rules_.slow_start = Duration::zero();
  EXPECT_NEAR(share(0), 500, 5);
}

TEST_F(PoolViewTest, DrainingAndDownOnesAreNotChosen) {
  Add("a", 100, 1);
  Add("b", 100, 1);
  EXPECT_EQ(Next(), "a");
  entries_["b"].admin = BackendAdmin::kDraining;
  map_.Update(entries_["b"]);
  EXPECT_EQ(Next(), "full") << "there is one to wait for";
  entries_["a"].health = BackendHealth::kDown;
  map_.Update(entries_["a"]);
  EXPECT_EQ(Next(), "") << "none to wait for";
}

}  // namespace
}  // namespace koi
