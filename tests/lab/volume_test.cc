// SPDX-License-Identifier: Apache-2.0
// Much of one thing: ten thousand connections that do nothing, two gigabytes for one slow reader.
// The workers' memory stays within a bound.
//
//   client ── blue ── origin (koi-origin)
#include <signal.h>

#include <atomic>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "bench/load_plan.h"
#include "bench/usage.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

constexpr int kClients = 2;  // each has less than 20,000 descriptors
constexpr int kIdleEach = 5000;
// OpenSSL alone needs 13.4 KiB a connection.
constexpr int64_t kIdleLimitBytes = 24 << 10;
constexpr int64_t kStreamBytes = int64_t{2} << 30;
constexpr int64_t kStreamLimitBytes = 8 << 20;

class VolumeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    blue.EditConfig("mode = \"http\"", "mode = \"http\"\ntimeouts = { idle = \"10m\" }");
    blue.Start();
    ASSERT_TRUE(Eventually(60s, [this] {
      return client.In([this] {
        return HttpClient({.ca_file = certificate.chain, .timeout = 2s})
            .Get(absl::StrCat("https://", kVip4, "/1"))
            .ok();
      });
    })) << blue.LogTail();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << blue.LogTail() << blue.Koi({"status"}).Describe() << '\n';
  }

  int64_t WorkersPss() const {
    std::vector<int> pids;
    for (const CpuStats& cpu : blue.ReadStats().value_or(Stats{}).cpus) pids.push_back(cpu.pid);
    return bench::PssBytes(pids).value_or(0);
  }
  uint64_t Connections() const { return blue.ReadStats().value_or(Stats{}).total.connections; }

  Lab lab;
  Host& client = lab.Add("client");
  Host& origin = lab.Add("origin");
  const Certificate certificate = MakeCertificate(lab, {kVip4});
  Process server = origin.Start({KoiProgram("koi-origin"), "8080"}, "origin.log");
  Balancer blue{
      lab,
      "blue",
      {.certificate = certificate, .backends = {{"origin", absl::StrCat(origin.ip4(), ":8080")}}}};
};

TEST_F(VolumeTest, TenThousandIdleConnectionsNeedLittleMemory) {
  const int64_t before = WorkersPss();
  ASSERT_GT(before, 0);
  std::vector<Process> clients;
  for (int i = 0; i < kClients; ++i) {
    const bench::LoadPlan plan = {.address = kVip4,
                                  .port = 443,
                                  .path = "/1024",
                                  .idle = kIdleEach,
                                  .hold = true,
                                  .limit_s = 240};
    clients.push_back(client.Start({KoiProgram("koi-load"), nlohmann::json(plan).dump()},
                                   absl::StrCat("load-", i, ".log")));
  }
  ASSERT_TRUE(Eventually(300s, [&] { return Connections() >= kClients * kIdleEach; }))
      << Connections();
  for (int i = 0; i < kClients; ++i) {  // each reports once all of its connections rest
    EXPECT_TRUE(Eventually(60s, [&] {
      return absl::StrContains(
          ReadFile(absl::StrCat(client.directory(), "/load-", i, ".log")).value_or(""),
          "\"error\":\"\"");
    }));
  }

  const int64_t each = (WorkersPss() - before) / (kClients * kIdleEach);
  PrintMeasured("idle_connection_pss", each, "bytes");
  EXPECT_LT(each, kIdleLimitBytes);
  for (Process& load : clients) {
    load.Signal(SIGTERM);
    EXPECT_EQ(load.Wait(20s), 0) << "a connection was ended, not by its client";
  }
  EXPECT_TRUE(Eventually(20s, [&] { return Connections() == 0; })) << Connections();
}

TEST_F(VolumeTest, TwoGigabytesForASlowReaderPassThroughLittleMemory) {
  const int64_t before = WorkersPss();
  ASSERT_GT(before, 0);
  std::atomic<int64_t> most = 0;
  Crew figures;
  figures.Start(client, 1, 100ms,
                [&](int) { return [&] { most = std::max(most.load(), WorkersPss()); }; });
  const ProgramResult result = client.Run(
      {"curl", "-s", "--cacert", certificate.chain, "--limit-rate", "100M", "-o", "/dev/null", "-w",
       "%{http_code} %{size_download}", absl::StrCat("https://", kVip4, "/", kStreamBytes)},
      300s);
  figures.Stop();

  EXPECT_EQ(result.Describe(), absl::StrCat("200 ", kStreamBytes));
  PrintMeasured("slow_reader_pss_growth", (most - before) / 1024, "KiB");
  EXPECT_LT(most - before, kStreamLimitBytes);
}

}  // namespace
}  // namespace koi::lab
