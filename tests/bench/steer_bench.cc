// SPDX-License-Identifier: Apache-2.0
// Measures koi and the kernel's threads that work for it, by the way packets are steered and by the
// CPU they come in on.
#include "bench/steer_bench.h"

#include <algorithm>
#include <iostream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/bench_lab.h"
#include "bench/cases.h"
#include "bench/kernel_threads.h"
#include "bench/results.h"

namespace koi::bench {
namespace {

constexpr char kBaseline[] = "never";
constexpr char kMapPath[] = "/bpf/koi/koi_cpus";

// Where packets come in: the CPU of the interrupt, on a machine with a NIC.
enum class Arrival { kElsewhere, kAtWorker };
constexpr const char* Name(Arrival arrival) {
  return arrival == Arrival::kElsewhere ? "elsewhere" : "at_worker";
}

// CPU µs a request: of koi's processes, of the threads that poll, of those of the cpumap.
struct Cost {
  double koi = 0;
  double poll = 0;
  double cpumap = 0;

  double sum() const { return koi + poll + cpumap; }
};

// One way to steer, ready to be measured.
struct Way {
  Proxy* proxy = nullptr;
  std::vector<int> poll = {};
  std::vector<int> cpumap = {};
};

// By arrival, case and way, in that order.
using Costs =
    std::map<std::string, std::map<std::string, std::map<std::string, std::vector<Cost>>>>;

double MedianOf(const std::vector<Cost>& costs, double (*part)(const Cost&)) {
  std::vector<double> values;
  for (const Cost& cost : costs) values.push_back(part(cost));
  return Median(values);
}

double Sum(const Cost& cost) { return cost.sum(); }

std::string Cell(const std::vector<Cost>& costs, double baseline) {
  return absl::StrFormat("%.1f = %.1f + %.1f + %.1f  %.2f", MedianOf(costs, Sum),
                         MedianOf(costs, [](const Cost& cost) { return cost.koi; }),
                         MedianOf(costs, [](const Cost& cost) { return cost.poll; }),
                         MedianOf(costs, [](const Cost& cost) { return cost.cpumap; }),
                         baseline > 0 ? MedianOf(costs, Sum) / baseline : 0);
}

class SteerBench {
 public:
  explicit SteerBench(const Options& options)
      : options_(options), lab_(options.proxies, Arms::kOne) {
    for (const auto& proxy : lab_.proxies()) {
      Way& way = ways_.emplace_back(Way{.proxy = proxy.get()});
      if (proxy->name() == "no_xdp") DetachXdp(lab_.lab(), proxy->host());
      way.poll = PollInThreads(lab_.lab(), proxy->host());
      way.cpumap = CpumapThreads(lab_.lab(), absl::StrCat(proxy->host().directory(), kMapPath));
    }
  }

  int Run() {
    for (int round = 0; round < options_.rounds; ++round) {
      for (const Arrival arrival : {Arrival::kElsewhere, Arrival::kAtWorker}) {
        const int cpu = arrival == Arrival::kElsewhere ? lab_.peers_cpu() : lab_.proxy_cpu();
        for (const Way& way : ways_) MoveTo(cpu, way.poll);
        MeasureRound(round, arrival);
      }
    }
    std::cout << Table() << std::flush;
    if (options_.json) std::cout << ToJson().dump() << std::endl;
    return failed_ ? 1 : 0;
  }

 private:
  void MeasureRound(int round, Arrival arrival) {
    for (const Case& one : Cases()) {
      if (options_.cases.count(one.key) == 0) continue;
      std::cerr << "round " << round + 1 << ": " << one.key << ", packets come in " << Name(arrival)
                << std::endl;
      for (size_t i = 0; i < ways_.size(); ++i) {
        Measure(ways_[(i + static_cast<size_t>(round)) % ways_.size()], one, arrival);
      }
    }
  }

  void Measure(const Way& way, const Case& one, Arrival arrival) {
    LoadPlan plan = Scaled(one.plan, options_.scale);
    plan.watch = way.poll;
    plan.watch.insert(plan.watch.end(), way.cpumap.begin(), way.cpumap.end());
    const LoadReport report = lab_.Measure(*way.proxy, one.offer, plan);
    if (!report.error.empty()) {
      failed_ = true;
      std::cerr << "FAILED " << way.proxy->name() << ' ' << one.key << ": " << report.error << '\n'
                << way.proxy->LogTail() << std::endl;
      return;
    }
    Cost& cost = costs_[Name(arrival)][one.key][way.proxy->name()].emplace_back();
    for (size_t i = 0; i < report.cpu_ns_each.size(); ++i) {
      double& part = i < way.poll.size()                       ? cost.poll
                     : i < way.poll.size() + way.cpumap.size() ? cost.cpumap
                                                               : cost.koi;
      part +=
          static_cast<double>(report.cpu_ns_each[i]) / 1000 / static_cast<double>(report.requests);
    }
  }

  std::string Table() const {
    std::string text = absl::StrCat(
        "CPU µs a request: sum = koi + polling (receive, XDP, and TCP where no cpumap has taken "
        "the "
        "packet) + cpumap\n(TCP there), medians, and the sum's ratio to \"",
        kBaseline, "\". koi has one worker, on CPU ", lab_.proxy_cpu(),
        ". Packets come in on\nCPU ", lab_.peers_cpu(),
        " (elsewhere), or on the worker's "
        "(at_worker). no_xdp: never, and no program on the interface.\n");
    for (const auto& [arrival, cases] : costs_) {
      absl::StrAppend(&text, "\npackets come in ", arrival, "\n");
      for (const auto& [key, ways] : cases) {
        const auto baseline = ways.find(kBaseline);
        const double divisor = baseline == ways.end() ? 0 : MedianOf(baseline->second, Sum);
        for (const std::string& way : options_.proxies) {
          const auto found = ways.find(way);
          if (found == ways.end()) continue;
          absl::StrAppendFormat(&text, "%-16s %-10s %s\n", key, way, Cell(found->second, divisor));
        }
      }
    }
    return text;
  }

  nlohmann::json ToJson() const {
    nlohmann::json json = {{"rounds", options_.rounds}, {"failed", failed_}};
    for (const auto& [arrival, cases] : costs_) {
      for (const auto& [key, ways] : cases) {
        for (const auto& [way, costs] : ways) {
          json["steer"][arrival][key][way] = MedianOf(costs, Sum);
        }
      }
    }
    return json;
  }

  const Options options_;
  const BenchLab lab_;
  std::vector<Way> ways_;
  Costs costs_;
  bool failed_ = false;
};

}  // namespace

int RunSteerBench(const Options& options) { return SteerBench(options).Run(); }

}  // namespace koi::bench
