// SPDX-License-Identifier: Apache-2.0
// The rows of the benchmark: each its traffic and its state of the maps; measured in turn, many
// times, beside a program that does nothing.
#include "bench/l4/l4_bench.h"

#include <linux/bpf.h>
#include <sched.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <vector>

#include "absl/strings/str_format.h"
#include "bench/l4/driver.h"
#include "bench/l4/stage.h"
#include "bench/l4/throughput.h"
#include "bench/results.h"
#include "nlohmann/json.hpp"
#include "support/packet/sandbox.h"

namespace koi::bench {
namespace {

constexpr double kFrames = 200'000;  // at a scale of 1
constexpr uint32_t k64k = 65'536;
constexpr uint32_t k1m = 1 << 20;
constexpr uint32_t kDenied = 100'000;
constexpr uint32_t kEach = 0;  // each packet a new flow

Packet From4(const char* to) { return Packet::Ethernet().Ip4("198.18.0.0", to); }
Packet From6() { return Packet::Ethernet().Ip6("2001:db8:7::", kL4Vip6); }
Packet Segment4() { return From4(kL4Vip4).Tcp(1, kL4Port).WithFlags("A"); }
Packet Syn4() { return From4(kL4Vip4).Tcp(1, kL4Port); }

// The state of the maps that a row needs. Rows of one state are measured together.
enum class State { kRest, kTunnel, kMoved, kMoved64k, kMost64k, kFull, kDeny };

struct Row {
  const char* key = "";
  const char* title = "";
  State state = State::kRest;
  l4_traffic traffic = {};
  uint32_t action = XDP_TX;
};

std::vector<Row> Rows() {
  const Packet local = From4(kL4Vip4).Tcp(1, kLocalPort).WithFlags("A");
  return {
      {"hot_flow", "TCP, one flow", State::kRest, TrafficOf(Segment4(), false, 1)},
      {"flows_64k", "TCP, 65,536 live flows by lot", State::kRest,
       TrafficOf(Segment4(), false, k64k)},
      {"flows_1m", "TCP, 1,048,576 live flows by lot", State::kRest,
       TrafficOf(Segment4(), false, k1m)},
      {"new_flow_each", "TCP, each segment of another flow", State::kRest,
       TrafficOf(Segment4(), false, kEach)},
      {"syn", "SYN, each of another flow", State::kRest, TrafficOf(Syn4(), false, kEach)},
      {"udp", "UDP, one flow", State::kRest, TrafficOf(From4(kL4Vip4).Udp(1, kL4Port), false, 1)},
      {"ipv6", "TCP over IPv6, one flow", State::kRest,
       TrafficOf(From6().Tcp(1, kL4Port).WithFlags("A"), true, 1)},
      {"ipip", "TCP, one flow, in an IPv4 tunnel", State::kTunnel, TrafficOf(Segment4(), false, 1)},
      {"moved_slot", "TCP, one flow with an entry, its slot moved", State::kMoved,
       TrafficOf(Segment4(), false, 1)},
      {"moved_64k", "65,536 flows with entries, all slots moved", State::kMoved64k,
       TrafficOf(Segment4(), false, k64k)},
      {"churn", "65,536 flows, 80 % of the slots moved", State::kMost64k,
       TrafficOf(Segment4(), false, k64k)},
      {"syn_flood_moved", "SYN of another flow each, all slots moved, koi_flows full", State::kFull,
       TrafficOf(Syn4(), false, kEach)},
      {"non_vip", "TCP for no VIP", State::kRest,
       TrafficOf(From4(kElsewhere4).Tcp(1, kL4Port).WithFlags("A"), false, 1), XDP_PASS},
      {"local_steer", "TCP of a local service, to its worker's CPU", State::kRest,
       TrafficOf(local, false, 1), XDP_REDIRECT},
      {"local_steer_deny", "likewise, with 100,000 denied prefixes", State::kDeny,
       TrafficOf(local, false, 1), XDP_REDIRECT},
  };
}

class L4Bench {
 public:
  explicit L4Bench(const Options& options)
      : options_(options), frames_(static_cast<uint32_t>(kFrames * options.scale)) {}

  int Run() {
    PinToThisCpu();
    for (int round = 0; round < options_.rounds; ++round) {
      std::cerr << "round " << round + 1 << std::endl;
      MeasureRound();
    }
    throughput_ = MeasureThroughput(stage_, driver_, options_.rounds);
    std::cout << Table() << std::flush;
    if (options_.json) std::cout << ToJson().dump() << std::endl;
    return 0;
  }

 private:
  // The program's own data is then always in the caches of one CPU.
  static void PinToThisCpu() {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(sched_getcpu()), &set);
    sched_setaffinity(0, sizeof(set), &set);
  }

  void MeasureRound() {
    for (const State state : {State::kRest, State::kTunnel, State::kMoved, State::kMoved64k,
                              State::kMost64k, State::kFull, State::kDeny}) {
      Prepare(state);
      for (const Row& row : rows_) {
        if (row.state != state || !IsWanted(row)) continue;
        Sample(row);
      }
    }
    stage_.DenyNobody();
  }

  bool IsWanted(const Row& row) const {
    return options_.cases.empty() || options_.cases.count(row.key) > 0;
  }

  void Prepare(State state) {
    stage_.ForwardBy(state == State::kTunnel ? KOI_FORWARD_IPIP : KOI_FORWARD_DSR);
    switch (state) {
      case State::kRest:
      case State::kTunnel: stage_.MoveSlots(0); break;
      case State::kMoved: MoveWithEntries(100, 1); break;
      case State::kMoved64k: MoveWithEntries(100, k64k); break;
      case State::kMost64k: MoveWithEntries(80, k64k); break;
      case State::kFull: MoveWithEntries(100, KOI_FLOWS_MAX + frames_); break;
      case State::kDeny:
        stage_.MoveSlots(0);
        stage_.DenyOthers(kDenied);
        break;
    }
  }

  // The first `flows` flows open their connections, so that they have entries where they need them.
  void MoveWithEntries(uint32_t percent, uint32_t flows) {
    stage_.MoveSlots(percent);
    driver_.Measure(stage_.xdp_program_fd(), TrafficOf(Syn4(), false, kEach), flows, XDP_TX);
  }

  // The program and the one that does nothing in turn, so that both see the same neighbours.
  void Sample(const Row& row) {
    l4_traffic traffic = row.traffic;
    traffic.next = row.state == State::kFull ? 2 * k1m : 0;
    driver_.Measure(stage_.xdp_program_fd(), traffic, frames_, row.action);  // warm
    for (int i = 0; i < 3; ++i) {
      traffic.next += frames_;
      zero_[row.key].push_back(
          driver_.Measure(driver_.empty_program_fd(), traffic, frames_, XDP_TX));
      gross_[row.key].push_back(
          driver_.Measure(stage_.xdp_program_fd(), traffic, frames_, row.action));
    }
  }

  static double Least(const std::vector<double>& values) {
    return *std::min_element(values.begin(), values.end());
  }
  double NetOf(const std::string& key) const {
    return Least(gross_.at(key)) - Least(zero_.at(key));
  }

  std::string Table() const {
    std::string text = absl::StrFormat(
        "ns of CPU a packet, of koi_xdp as it is loaded: the driver, which writes each frame anew, "
        "tail-calls it;\nnet: less what the same driver costs with a program that only answers "
        "XDP_TX. Least (median) of %d runs of\n%u packets. 64 backends, 65,537 slots.\n\n"
        "                      net            gross    ratio\n",
        3 * options_.rounds, frames_);
    for (const Row& row : rows_) {
      if (!IsWanted(row)) continue;
      const double net = NetOf(row.key);
      const double median = Median(gross_.at(row.key)) - Median(zero_.at(row.key));
      absl::StrAppendFormat(&text, "%-18s %6.1f (%6.1f)  %6.1f  %6.2f  %s\n", row.key, net, median,
                            Least(gross_.at(row.key)),
                            Least(gross_.at(row.key)) / Least(zero_.at(row.key)), row.title);
    }
    absl::StrAppend(&text, "\n", throughput_.text);
    return text;
  }

  nlohmann::json ToJson() const {
    nlohmann::json net;
    double floor = 0;
    for (const Row& row : rows_) {
      if (!IsWanted(row)) continue;
      net[row.key] = NetOf(row.key);
      const double zero = Least(zero_.at(row.key));
      floor = floor == 0 ? zero : std::min(floor, zero);
    }
    return {{"floor_ns", floor},
            {"net_ns", net},
            {"packets_per_second", throughput_.packets_per_second},
            {"rounds", options_.rounds}};
  }

  const Options options_;
  const uint32_t frames_;
  L4Stage stage_;
  L4Driver driver_;
  const std::vector<Row> rows_ = Rows();
  std::map<std::string, std::vector<double>> gross_;
  std::map<std::string, std::vector<double>> zero_;
  Throughput throughput_;
};

}  // namespace

std::vector<std::string> L4RowKeys() {
  std::vector<std::string> keys;
  for (const Row& row : Rows()) keys.emplace_back(row.key);
  return keys;
}

int RunL4Bench(const Options& options) { return L4Bench(options).Run(); }

}  // namespace koi::bench
