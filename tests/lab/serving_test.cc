// SPDX-License-Identifier: Apache-2.0
// What one koi host serves, and what of it survives the death of a part.
//
//   client ── blue ── web-1 (IPv4), web-2 (IPv6)
#include <signal.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ServingTest : public KoiTest {
 protected:
  void SetUp() override { ASSERT_TRUE(lab.StartBlue()); }

  // Asks the stats endpoint, from blue itself.
  HttpAnswer GetStats(const std::string& path, const std::string& user_password = "") {
    return lab.blue.host().In([&] {
      return HttpClient({.user_password = user_password})
          .Get(absl::StrCat("http://127.0.0.1:8404", path));
    });
  }
  // What openssl says of a connection, to whose session the file of `option` belongs.
  std::string Handshake(const std::string& option) const {
    return lab.client
        .Run({"sh", "-c",
              absl::StrCat(
                  "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -ign_eof -connect ",
                  kVip4, ":443 ", option, " ", lab.client.directory(), "/session 2>&1")})
        .out;
  }
};

TEST_F(ServingTest, BothBackendsServeOverBothFamilies) {
  for (const std::string& url : {KoiLab::Url4("https", "/"), KoiLab::Url6("https", "/")}) {
    SCOPED_TRACE(url);
    const LoadReport report = Burst(lab.client, {url}, lab.certificate.chain, 40);
    EXPECT_EQ(report.ok, 40U) << report.Describe();
    EXPECT_GT(report.served_by.count("web-1"), 0U);
    EXPECT_GT(report.served_by.count("web-2"), 0U);
  }
}

TEST_F(ServingTest, LargeAnswerArrivesWhole) {
  const std::string mib(1 << 20, 'm');
  EXPECT_TRUE(lab.Get(KoiLab::Url4("https", "/mib")).body == mib);
  EXPECT_TRUE(lab.Get(KoiLab::Url4("https", ":8443/mib")).body == mib);
  EXPECT_TRUE(lab.Get(KoiLab::Url6("http", ":9000/mib")).body == mib);
}

TEST_F(ServingTest, BackendLearnsWhoTheClientIs) {
  EXPECT_EQ(lab.Get(KoiLab::Url4("https", "/headers")).body,
            absl::StrCat(lab.client.ip4(), " https\n"));
}

TEST_F(ServingTest, PlainPortSendsPeopleToHttps) {
  const HttpAnswer answer4 = lab.Get(KoiLab::Url4("http", "/path?query"));
  EXPECT_EQ(answer4.location, KoiLab::Url4("https", "/path?query")) << answer4.Failure();
  const HttpAnswer answer6 = lab.Get(KoiLab::Url6("http", "/path?query"));
  EXPECT_EQ(answer6.location, KoiLab::Url6("https", "/path?query")) << answer6.Failure();
}

TEST_F(ServingTest, TcpServicePassesBytesPlainAndFromTls) {
  EXPECT_THAT(lab.Get(KoiLab::Url4("http", ":9000/")).body, HasSubstr("web-"));
  EXPECT_THAT(lab.Get(KoiLab::Url6("https", ":8443/")).body, HasSubstr("web-"));
}

TEST_F(ServingTest, StatsAskForThePasswordButHealthDoesNot) {
  EXPECT_EQ(GetStats("/health").status, 200);
  for (const char* path : {"/stats", "/stats/cpu/0", "/metrics"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(GetStats(path).status, 401);
    EXPECT_EQ(GetStats(path, "admin:wrong").status, 401);
    EXPECT_EQ(GetStats(path, kStatsUser).status, 200);
  }
  EXPECT_THAT(GetStats("/metrics", kStatsUser).body, HasSubstr("\nkoi_"));
  EXPECT_EQ(GetStats("/stats/cpu/255", kStatsUser).status, 404);
  const absl::StatusOr<Stats> stats = DecodeStats(GetStats("/stats", kStatsUser).body);
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->node, "blue");
  EXPECT_EQ(stats->role, "master");
}

TEST_F(ServingTest, StatsPortChangesNothing) {
  const std::string url = "http://127.0.0.1:8404/backends/drain";
  const ProgramResult post =
      lab.blue.host().Run({"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", kStatsUser,
                           "-X", "POST", "-d", R"({"pool":"web","name":"web-1"})", url});
  EXPECT_THAT(post.out, ::testing::AnyOf("404", "405"));
}

TEST_F(ServingTest, MapOfBackendsReadsAsAPersonWritesIt) {
  const std::string dump = lab.blue.DumpMap("koi_backends").out;
  EXPECT_THAT(dump, HasSubstr(R"("name": "web-1")"));
  EXPECT_THAT(dump, HasSubstr(absl::StrCat("\"endpoint\": \"", lab.web_1.endpoint4(), "\"")));
  EXPECT_THAT(dump, HasSubstr(absl::StrCat("\"endpoint\": \"", lab.web_2.endpoint6(), "\"")));
  EXPECT_THAT(dump, HasSubstr(R"("pool_name": "web")"));
  EXPECT_THAT(dump, HasSubstr(R"("admin": "KOI_BACKEND_ENABLED")"));
  EXPECT_THAT(dump, HasSubstr(R"("health": "KOI_BACKEND_UP")"));
}

TEST_F(ServingTest, ServesOnWithoutAManagerAndWithTheNext) {
  Load load = StartLoad();
  ASSERT_TRUE(Answers(load, 50));
  EXPECT_THAT(Handshake("-sess_out"), HasSubstr("New, TLSv1.3"));
  const int pid = lab.blue.ChildPid("koi-manager");
  ASSERT_GT(pid, 0);
  const int worker_pid = lab.blue.ReadStats()->cpus.front().pid;

  lab.lab.MustRun({"kill", "-KILL", absl::StrCat(pid)});

  ASSERT_TRUE(Answers(load, 50));
  EXPECT_TRUE(Eventually(
      10s, [&] { return lab.blue.role() == "master"; }, "manager_back"));
  EXPECT_NE(lab.blue.ChildPid("koi-manager"), pid);
  EXPECT_EQ(lab.blue.ReadStats()->cpus.front().pid, worker_pid) << "adopted, not started again";
  EXPECT_THAT(Handshake("-sess_in"), HasSubstr("Reused, TLSv1.3"));
  ASSERT_TRUE(lab.blue.Koi({"worker", "replace"}).ok());
  EXPECT_THAT(Handshake("-sess_in"), HasSubstr("Reused, TLSv1.3"))
      << "workers of this manager have the keys of the one before";
  ASSERT_TRUE(Answers(load, 50));
  EXPECT_EQ(load.Stop().failed, 0U) << load.SoFar().Describe();
}

TEST_F(ServingTest, NextWorkerServesAfterOneWasKilled) {
  const CpuStats victim = lab.blue.ReadStats()->cpus.front();

  lab.lab.MustRun({"kill", "-KILL", absl::StrCat(victim.pid)});

  EXPECT_TRUE(Eventually(
      10s,
      [&] {
        const absl::StatusOr<Stats> stats = lab.blue.ReadStats();
        return stats.ok() && stats->cpus.front().pid != victim.pid &&
               stats->cpus.front().state == "serving";
      },
      "worker_back"));
  const LoadReport report =
      Burst(lab.client, {KoiLab::Url4("https", "/")}, lab.certificate.chain, 100);
  EXPECT_EQ(report.failed, 0U) << report.Describe();
}

TEST_F(ServingTest, StoppedHostLeavesNothingBehind) {
  EXPECT_EQ(lab.blue.Stop(), 0);
  EXPECT_TRUE(lab.blue.VipsPresent().empty());
  EXPECT_FALSE(lab.blue.XdpPresent());
  EXPECT_FALSE(lab.lab.Run({"ls", lab.blue.MapPath("koi_vips")}).ok());
  EXPECT_FALSE(lab.blue.Koi({"status"}).ok());
  EXPECT_EQ(
      lab.blue.host().Run({"ps", "-o", "comm=", "--ppid", absl::StrCat(lab.blue.koid().pid())}).out,
      "");
}

TEST_F(ServingTest, KilledHostIsCleanAgainOnceStarted) {
  lab.blue.Kill();
  EXPECT_TRUE(Eventually(
      10s, [&] { return lab.blue.VipsPresent().empty(); }, "vip_lease_over"));
  EXPECT_TRUE(lab.StartBlue());
}

}  // namespace
}  // namespace koi::lab
