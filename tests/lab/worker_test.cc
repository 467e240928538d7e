// SPDX-License-Identifier: Apache-2.0
// Workers that are replaced, by order or because they are stuck, while clients use them.
//
//   client ── blue ── web-1 (IPv4), web-2 (IPv6)
#include <signal.h>

#include <future>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

using ::testing::HasSubstr;

// A third of the time that a new worker needs at most to follow one that hangs.
constexpr Duration kStuckLimit = 3s;

class WorkerLabTest : public KoiTest {
 protected:
  void SetUp() override { ASSERT_TRUE(lab.StartBlue()); }

  // Downloads that take eight seconds each, so many that each CPU all but certainly has one.
  std::vector<std::future<HttpAnswer>> StartDownloads() {
    std::vector<std::future<HttpAnswer>> downloads;
    for (int i = 0; i < 8; ++i) {
      downloads.push_back(std::async(std::launch::async, [this] {
        return lab.client.In([this] {
          return HttpClient({.ca_file = lab.certificate.chain, .timeout = 60s})
              .Get(KoiLab::Url4("https", "/long"));
        });
      }));
    }
    return downloads;
  }
  static int Whole(std::vector<std::future<HttpAnswer>>& downloads) {
    int whole = 0;
    for (auto& download : downloads) whole += download.get().body.size() == size_t{16} << 20;
    return whole;
  }

  // The fingerprint that a new handshake shows.
  std::string Shown() const {
    return lab.client
        .Run({"sh", "-c",
              absl::StrCat("openssl s_client -connect ", kVip4,
                           ":443 < /dev/null 2> /dev/null | openssl x509 -noout -fingerprint "
                           "-sha256 | cut -d= -f2 | tr -d '\\n'")})
        .out;
  }
  std::string FingerprintOf(const Certificate& certificate) const {
    return lab.lab
        .Run({"sh", "-c",
              absl::StrCat("openssl x509 -noout -fingerprint -sha256 -in ", certificate.chain,
                           " | cut -d= -f2 | tr -d '\\n'")})
        .out;
  }

  Stats Now() const { return lab.blue.ReadStats().value_or(Stats{}); }
  // Whether all downloads are with their backends, whatever the load does.
  bool Downloading() const {
    const Stats stats = Now();
    uint64_t in_use = 0;
    for (const BackendStats& backend : stats.pools[0].backends) in_use += backend.connections;
    return in_use >= 8;
  }
  bool Leaving() const {
    const Stats stats = Now();
    return std::any_of(stats.cpus.begin(), stats.cpus.end(), [](const CpuStats& cpu) {
      return !cpu.leaving.empty() && cpu.leaving[0].connections > 0;
    });
  }
  // Whether another worker than `before` serves its CPU.
  bool Followed(const CpuStats& before) const {
    for (const CpuStats& cpu : Now().cpus) {
      if (cpu.cpu == before.cpu) return cpu.pid != before.pid && cpu.state == "serving";
    }
    return false;
  }
};

TEST_F(WorkerLabTest, ReplacementsLoseNothingAndOutliveTheManager) {
  Load load = StartLoad();
  ASSERT_TRUE(Answers(load, 50));
  auto downloads = StartDownloads();
  ASSERT_TRUE(Eventually(10s, [&] { return Downloading(); }));
  const Stats before = Now();

  auto replaced = std::async(std::launch::async, [&] {
    return lab.blue.Koi({"worker", "replace", "--limit", "60s"});
  });
  ASSERT_TRUE(Eventually(10s, [&] { return Leaving(); }));
  EXPECT_THAT(lab.blue.Koi({"worker", "list"}).out, HasSubstr("draining"));
  lab.lab.MustRun({"kill", "-KILL", absl::StrCat(lab.blue.ChildPid("koi-manager"))});

  const ProgramResult result = replaced.get();
  EXPECT_TRUE(result.ok()) << result.Describe();
  const Stats after = Now();
  ASSERT_EQ(after.cpus.size(), before.cpus.size());
  for (size_t i = 0; i < after.cpus.size(); ++i) {
    EXPECT_NE(after.cpus[i].pid, before.cpus[i].pid);
    EXPECT_THAT(result.out,
                HasSubstr(absl::StrCat("in place of ", before.cpus[i].pid, ", 0 connections cut")));
    EXPECT_GE(after.cpus[i].accepted, before.cpus[i].accepted) << "totals only grow";
  }
  EXPECT_EQ(Whole(downloads), 8);
  ASSERT_TRUE(Answers(load, 50));
  EXPECT_EQ(load.Stop().failed, 0U) << load.SoFar().Describe();
  EXPECT_TRUE(Eventually(5s, [&] { return Now().total.connections == 0; }))
      << "gauges are those of the living";

  // The rest of the story needs a worker with something to cut.
  downloads = StartDownloads();
  ASSERT_TRUE(Eventually(10s, [&] { return Downloading(); }));
  const TimePoint start = koi::Now();
  EXPECT_TRUE(lab.blue.Koi({"worker", "replace", "--limit", "200ms"}).ok());
  PrintMeasured("workers_replaced", ToMilliseconds(koi::Now() - start), "ms");
  EXPECT_EQ(Now().total.cut, 8U);
  EXPECT_EQ(Whole(downloads), 0);
}

TEST_F(WorkerLabTest, WorkerThatHangsIsReplaced) {
  CpuStats stuck = Now().cpus.front();
  ::kill(stuck.pid, SIGSTOP);
  EXPECT_TRUE(Eventually(
      5 * kStuckLimit, [&] { return Followed(stuck); }, "worker_stopped_replaced"));

  stuck = Now().cpus.back();
  ::kill(stuck.pid, SIGSTOP);
  lab.lab.MustRun({"kill", "-KILL", absl::StrCat(lab.blue.ChildPid("koi-manager"))});
  EXPECT_TRUE(Eventually(
      5 * kStuckLimit, [&] { return Followed(stuck); }, "worker_stopped_replaced_by_new_manager"));

  const LoadReport report =
      Burst(lab.client, {KoiLab::Url4("https", "/")}, lab.certificate.chain, 100);
  EXPECT_EQ(report.failed, 0U) << report.Describe();
}

TEST_F(WorkerLabTest, CertificateIsReplacedUnderLoadOnceItsKeyMatches) {
  const Certificate& used = lab.certificate;
  const Certificate first = MakeCertificate(lab.lab, {kVip4, kVip6}, "first");
  const Certificate second = MakeCertificate(lab.lab, {kVip4, kVip6}, "second");
  const std::string trusted = absl::StrCat(lab.lab.directory(), "/trusted.pem");
  lab.lab.MustRun(
      {"sh", "-c",
       absl::StrCat("cat ", used.chain, " ", first.chain, " ", second.chain, " > ", trusted)});
  auto downloads = StartDownloads();
  ASSERT_TRUE(Eventually(10s, [&] { return Downloading(); }));
  Load load(lab.client, {KoiLab::Url4("https", "/"), KoiLab::Url6("https", "/")}, trusted);
  ASSERT_TRUE(Answers(load, 50));
  const std::string before = Shown();
  ASSERT_NE(before, "");

  lab.lab.MustRun({"cp", first.key, used.key});  // one half of a change
  EXPECT_TRUE(Eventually(10s, [&] {
    return lab.blue.Koi({"cert", "list"}).out.find("is not that of") != std::string::npos;
  }));
  const ProgramResult bad = lab.blue.Koi({"cert", "reload"});
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_THAT(bad.err,
              HasSubstr(absl::StrCat("service \"web\": ", used.chain, " with ", used.key)));
  EXPECT_EQ(Shown(), before);

  lab.lab.MustRun({"cp", first.chain, used.chain});
  EXPECT_TRUE(Eventually(
      10s, [&] { return Shown() == FingerprintOf(first); }, "certificate_replaced"));
  EXPECT_THAT(lab.blue.Koi({"cert", "list"}).out, HasSubstr(FingerprintOf(first)));

  lab.lab.MustRun({"cp", second.key, used.key});
  lab.lab.MustRun({"cp", second.chain, used.chain});
  const ProgramResult good = lab.blue.Koi({"cert", "reload"});
  EXPECT_TRUE(good.ok()) << good.Describe();
  EXPECT_EQ(Shown(), FingerprintOf(second)) << "at once";

  ASSERT_TRUE(Answers(load, 50));
  EXPECT_EQ(load.Stop().failed, 0U) << load.SoFar().Describe();
  EXPECT_EQ(Whole(downloads), 8) << "connections that were there before";
}

}  // namespace
}  // namespace koi::lab
