// SPDX-License-Identifier: Apache-2.0
// Two and three elections on one virtual network that delays, loses, duplicates and cuts: whatever
// happened before, once the network is whole there is soon exactly one master, and it stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "carp/election.h"
#include "unit/carp/carp_data.h"

namespace koi {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Weather {
  int loss_percent = 0;
  int duplicate_percent = 0;
  int longest_delay_ms = 20;
  bool partitioned = false;  // node 0 hears nobody and nobody hears it
  bool one_way = false;      // node 0 hears nobody
};

class Network {
 public:
  Network(uint32_t seed, const std::vector<Election::Settings>& settings) : random_(seed) {
    for (size_t i = 0; i < settings.size(); ++i) {
      sources_.push_back(Addr("10.0." + std::to_string(i) + "." + std::to_string(90 - i)));
      nodes_.emplace_back(settings[i], now_);
    }
    for (size_t i = 0; i < nodes_.size(); ++i) Apply(i, nodes_[i].LinkUp(sources_[i], now_));
  }

  void RunFor(Duration duration) {
    const TimePoint end = now_ + duration;
    while (StepBefore(end)) {
    }
    now_ = end;
  }

  void CutLink(size_t node) { Apply(node, nodes_[node].LinkDown("cut", now_)); }
  void RestoreLink(size_t node) { Apply(node, nodes_[node].LinkUp(sources_[node], now_)); }
  void Stop(size_t node) { Apply(node, nodes_[node].Stop(now_)); }

  std::vector<size_t> masters() const {
    std::vector<size_t> masters;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].role() == CarpRole::kMaster) masters.push_back(i);
    }
    return masters;
  }
  const Election& node(size_t i) const { return nodes_[i]; }
  // Changes of any role so far.
  int changes() const { return changes_; }
  // Whether there was an event without any master after there had been one.
  bool was_masterless() const { return masterless_; }

  Weather weather;

 private:
  struct Delivery {
    size_t to;
    Election::Heard heard;
  };

  bool Chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

  bool StepBefore(TimePoint end) {
    TimePoint next = deliveries_.empty() ? TimePoint::max() : deliveries_.begin()->first;
    for (const Election& node : nodes_) next = std::min(next, node.deadline());
    if (next > end) return false;
    now_ = std::max(now_, next);
    if (!deliveries_.empty() && deliveries_.begin()->first <= now_) {
      const Delivery delivery = deliveries_.begin()->second;
      deliveries_.erase(deliveries_.begin());
      Apply(delivery.to, nodes_[delivery.to].Receive(delivery.heard, now_));
      return true;
    }
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].deadline() <= now_) Apply(i, nodes_[i].Tick(now_));
    }
    return true;
  }

  void Apply(size_t from, const ElectionStep& step) {
    if (step.send_advert) Send(from);
    if (step.role_changed) ++changes_;
    if (ever_master_ && masters().empty()) masterless_ = true;
    ever_master_ |= !masters().empty();
  }

  void Send(size_t from) {
    const Election::Heard heard = {.advbase = nodes_[from].announced_advbase(),
                                   .advskew = nodes_[from].announced_advskew(),
                                   .source = sources_[from]};
    for (size_t to = 0; to < nodes_.size(); ++to) {
      if (to == from || (weather.partitioned && (to == 0 || from == 0)) ||
          (weather.one_way && to == 0)) {
        continue;
      }
      const int copies = Chance(weather.loss_percent)        ? 0
                         : Chance(weather.duplicate_percent) ? 2
                                                             : 1;
      for (int copy = 0; copy < copies; ++copy) {
        const auto delay = milliseconds(random_() % (weather.longest_delay_ms + 1));
        deliveries_.emplace(now_ + delay, Delivery{to, heard});
      }
    }
  }

  std::mt19937 random_;
  TimePoint now_{std::chrono::hours(1)};
  std::vector<Address> sources_;
  std::vector<Election> nodes_;
  std::multimap<TimePoint, Delivery> deliveries_;
  int changes_ = 0;
  bool ever_master_ = false;
  bool masterless_ = false;
};

std::vector<Election::Settings> RandomSettings(std::mt19937& random, size_t nodes) {
  std::vector<Election::Settings> settings;
  for (size_t i = 0; i < nodes; ++i) {
    // Few different skews, so that ties are frequent.
    settings.push_back({.advbase = static_cast<uint8_t>(1 + random() % 2),
                        .advskew = static_cast<uint8_t>(100 * (random() % 3)),
                        .dead_ratio = static_cast<uint8_t>(3 + random() % 2),
                        .preempt = random() % 2 == 0});
  }
  return settings;
}

// A minute of bad weather, then a whole network.
void Storm(Network& network, std::mt19937& random, size_t nodes) {
  for (int gust = 0; gust < 12; ++gust) {
    network.weather = {.loss_percent = static_cast<int>(random() % 60),
                       .duplicate_percent = static_cast<int>(random() % 30),
                       .longest_delay_ms = static_cast<int>(random() % 900),
                       .partitioned = random() % 3 == 0,
                       .one_way = random() % 4 == 0};
    const size_t node = random() % nodes;
    if (random() % 4 == 0) network.CutLink(node);
    network.RunFor(milliseconds(random() % 5000));
    network.RestoreLink(node);
  }
  network.weather = {};
}

TEST(ElectionModelTest, ExactlyOneMasterAfterAnyStormAndItStays) {
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const size_t nodes = 2 + seed % 2;
    Network network(seed, RandomSettings(random, nodes));
    Storm(network, random, nodes);

    network.RunFor(seconds(20));  // more than twice the longest dead time here
    ASSERT_EQ(network.masters().size(), 1u);
    const int changes = network.changes();
    network.RunFor(seconds(300));
    ASSERT_EQ(network.changes(), changes) << "it flaps";
  }
}

TEST(ElectionModelTest, EqualHostsStartedTogetherAgreeWithinOneAdvert) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Network network(seed, {{}, {}, {}});
    network.RunFor(seconds(3) + milliseconds(100));
    EXPECT_EQ(network.masters().size(), 1u);
    network.RunFor(seconds(60));
    EXPECT_EQ(network.masters().size(), 1u);
  }
}

TEST(ElectionModelTest, AHealedPartitionHasOneMasterWithinOneAdvert) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Network network(seed, {{.advskew = 0}, {.advskew = 100}});
    network.RunFor(seconds(10));
    network.weather.partitioned = true;
    network.RunFor(seconds(10));
    ASSERT_EQ(network.masters().size(), 2u);
    network.weather = {};
    network.RunFor(seconds(1) + milliseconds(500));
    EXPECT_THAT(network.masters(), testing::ElementsAre(0));
  }
}

TEST(ElectionModelTest, APlannedHandoverNeverLeavesTheGroupWithoutAMaster) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Network network(seed, {{.advskew = 0}, {.advskew = 100}, {.advskew = 200}});
    network.RunFor(seconds(10) + milliseconds(37 * seed));
    ASSERT_THAT(network.masters(), testing::ElementsAre(0));
    network.Stop(0);
    network.RunFor(seconds(5));
    EXPECT_TRUE(network.node(0).stopped());
    EXPECT_FALSE(network.was_masterless());
    EXPECT_THAT(network.masters(), testing::ElementsAre(1));
  }
}

TEST(ElectionModelTest, ALostMasterIsReplacedWithinTheDeadTime) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Network network(seed, {{.advskew = 0}, {.advskew = 100}});
    network.RunFor(seconds(10) + milliseconds(37 * seed));
    network.CutLink(0);
    network.RunFor(seconds(4));
    EXPECT_THAT(network.masters(), testing::ElementsAre(1));
    network.RestoreLink(0);
    network.RunFor(seconds(60));
    EXPECT_THAT(network.masters(), testing::ElementsAre(1)) << "the old master preempted";
  }
}

}  // namespace
}  // namespace koi
