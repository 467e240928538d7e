// SPDX-License-Identifier: Apache-2.0
// Each connection is accepted by the worker of the CPU that XDP chose for it.
//
//   client ── blue ── web-1, web-2
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "dataplane/steering_maps.h"
#include "dataplane/worker_map.h"
#include "lab/koi_test.h"
#include "lab/listener_of.h"

namespace koi::lab {
namespace {

constexpr int kConnections = 1000;

struct CpuFigures {
  uint64_t steered = 0;  // connections that XDP sent there
  uint64_t accepted = 0;
  uint64_t misplaced = 0;
};
using FiguresByCpu = std::map<int, CpuFigures>;

class SteeringTest : public KoiTest, public ::testing::WithParamInterface<const char*> {
 protected:
  SteeringTest() : KoiTest({.xdp_mode = GetParam()}) {}

  void SetUp() override {
    ASSERT_TRUE(lab.StartBlue());
    const absl::StatusOr<Stats> stats = lab.blue.ReadStats();
    ASSERT_TRUE(stats.ok()) << stats.status();
    ASSERT_EQ(stats->xdp.mode, GetParam()) << stats->xdp.why;
    for (const CpuStats& cpu : stats->cpus) worker_pids[cpu.cpu] = cpu.pid;
  }

  Fd OpenMap(const std::string& name) const {
    return Fd(bpf_obj_get(lab.blue.MapPath(name).c_str()));
  }

  // As the maps themselves say, past the manager.
  FiguresByCpu Figures() const {
    FiguresByCpu figures;
    const SteeredMap steered(OpenMap("koi_steered"));
    for (const auto& [cpu, pid] : worker_pids) {
      const absl::StatusOr<SteeredFigures> sent = steered.Read(cpu);
      EXPECT_TRUE(sent.ok()) << sent.status();
      const Fd worker_map = OpenMap(absl::StrCat("koi_worker_", cpu));
      const absl::StatusOr<WorkerView> worker = WorkerView::Open(worker_map.get());
      EXPECT_TRUE(worker.ok()) << worker.status();
      if (!sent.ok() || !worker.ok()) continue;
      const WorkerFigures total = worker->Total();
      figures[cpu] = {sent->connections, total.accepted, total.misplaced};
    }
    return figures;
  }

  // What `count` connections to `url` changed.
  FiguresByCpu Connect(const std::string& url, int count) {
    FiguresByCpu before = Figures();
    const LoadReport burst = Burst(lab.client, {url}, lab.certificate.chain, count);
    EXPECT_EQ(burst.ok, static_cast<uint64_t>(count)) << burst.Describe();
    FiguresByCpu after = Figures();
    for (auto& [cpu, figures] : after) {
      figures.steered -= before[cpu].steered;
      figures.accepted -= before[cpu].accepted;
      figures.misplaced -= before[cpu].misplaced;
    }
    return after;
  }

  static CpuFigures Sum(const FiguresByCpu& by_cpu) {
    CpuFigures sum;
    for (const auto& [cpu, figures] : by_cpu) {
      sum.steered += figures.steered;
      sum.accepted += figures.accepted;
      sum.misplaced += figures.misplaced;
    }
    return sum;
  }

  static void ExpectEachWhereItWasSent(const FiguresByCpu& by_cpu, uint64_t connections) {
    for (const auto& [cpu, figures] : by_cpu) {
      SCOPED_TRACE(absl::StrCat("CPU ", cpu));
      EXPECT_EQ(figures.accepted, figures.steered);
      EXPECT_EQ(figures.misplaced, 0U);
      EXPECT_GT(figures.accepted, 0U);
    }
    EXPECT_EQ(Sum(by_cpu).accepted, connections);
  }

  // Gives the entry of `cpu` in koi_listeners the listener of the worker of `other`.
  void Redirect(int cpu, int other) {
    ListenerMap listeners(OpenMap("koi_listeners"));
    const Fd listener = ListenerOf(worker_pids[other], ListenerFamily::kIp4);
    ASSERT_TRUE(listener.valid());
    const absl::Status set = listeners.Set(cpu, ListenerFamily::kIp4, listener.get());
    ASSERT_TRUE(set.ok()) << set;
  }

  std::map<int, int> worker_pids;  // by CPU
};

TEST_P(SteeringTest, ConnectionsOverIp4AreAcceptedOnTheCpuThatXdpChose) {
  ExpectEachWhereItWasSent(Connect(KoiLab::Url4("https", "/"), kConnections), kConnections);
}

TEST_P(SteeringTest, ConnectionsOverIp6AreAcceptedOnTheCpuThatXdpChose) {
  ExpectEachWhereItWasSent(Connect(KoiLab::Url6("https", "/"), kConnections), kConnections);
}

// What the tests above rest on: were a connection accepted elsewhere, they would see it.
TEST_P(SteeringTest, SwappedListenersShowAsMisplacedConnections) {
  if (worker_pids.size() < 2) GTEST_SKIP() << "with one CPU nothing can be misplaced";
  const int one = worker_pids.begin()->first;
  const int other = worker_pids.rbegin()->first;
  Redirect(one, other);
  Redirect(other, one);

  const FiguresByCpu swapped = Connect(KoiLab::Url4("https", "/"), 200);
  EXPECT_EQ(swapped.at(one).misplaced, swapped.at(one).accepted);
  EXPECT_EQ(swapped.at(one).accepted, swapped.at(other).steered);
  EXPECT_GT(swapped.at(one).misplaced, 0U);
  EXPECT_GT(swapped.at(other).misplaced, 0U);

  Redirect(one, one);
  Redirect(other, other);
  EXPECT_EQ(Sum(Connect(KoiLab::Url4("https", "/"), 200)).misplaced, 0U);
}

INSTANTIATE_TEST_SUITE_P(XdpMode, SteeringTest, ::testing::Values("native", "generic"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace koi::lab
