// SPDX-License-Identifier: Apache-2.0
// What koi does in a day, in half a minute: made for programs that were built with the sanitizers
// ($KOI_LAB_PROGRAMS), which may have nothing to report afterwards.
//
//   client ──┬── blue (master) ──┬── web-1
//            └── red  (backup) ──┴── web-2, and later web-3
#include <stdlib.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

using ::testing::IsEmpty;

class SanitizedTest : public KoiTest {
 protected:
  // Slower programs, the same work.
  static constexpr Duration kPatience = 60s;

  // Lines of both logs that tell of a report, or of a program that ended for another reason than
  // `killed`.
  std::vector<std::string> Reports(const std::string& killed) {
    std::vector<std::string> reports;
    for (const Balancer* balancer : {&lab.blue, &lab.red}) {
      for (const absl::string_view line : absl::StrSplit(balancer->LogTail(64 << 20), '\n')) {
        const bool report = absl::StrContains(line, "ERROR: ") ||
                            absl::StrContains(line, "Sanitizer") ||
                            absl::StrContains(line, "runtime error: ");
        const bool ended =
            absl::StrContains(line, "ended unexpectedly") && !absl::StrContains(line, killed);
        const bool failed = absl::StrContains(line, "ended program=") &&
                            !absl::StrContains(line, "how=\"exit 0\"") &&
                            !absl::StrContains(line, "how=\"signal 15\"");
        if (report || ended || failed)
          reports.push_back(absl::StrCat(balancer->name(), ": ", line));
      }
    }
    return reports;
  }
  uint64_t Requests() {
    const absl::StatusOr<Stats> stats = lab.blue.ReadStats();
    return stats.ok() ? stats->total.requests : 0;
  }
};

TEST_F(SanitizedTest, NothingIsReportedOfServingChangesCrashesAndFailover) {
  // Names of functions would be looked up by another program, which the workers may not start.
  ::setenv("ASAN_OPTIONS", "symbolize=0", 1);
  ASSERT_TRUE(lab.StartBoth());
  const std::vector<std::string> urls = {
      KoiLab::Url4("https", "/"),          KoiLab::Url6("https", "/headers"),
      KoiLab::Url4("https", "/mib"),       KoiLab::Url4("http", ":9000/"),
      KoiLab::Url6("https", ":8443/mib"),  KoiLab::Url6("http", ":9000/mib"),
      KoiLab::Url4("https", ":8443/slow"), KoiLab::Url4("https", "/none")};
  const std::string& ca_file = lab.certificate.chain;
  Load load = StartLoad();
  EXPECT_GT(Burst(lab.client, urls, ca_file, 80).ok, 60U);

  EXPECT_TRUE(lab.blue.Koi({"backend", "add", "web", "web-3", lab.web_3.endpoint4()}).ok());
  EXPECT_TRUE(lab.blue.Koi({"backend", "drain", "web", "web-1"}).ok());
  EXPECT_TRUE(lab.blue.Koi({"backend", "undrain", "web", "web-1"}).ok());
  lab.web_2.Kill();
  EXPECT_GT(Burst(lab.client, urls, ca_file, 80).ok, 40U);
  for (const char* path : {"/stats", "/metrics", "/health", "/stats/cpu/0", "/none"}) {
    lab.blue.host().In([&] {
      return HttpClient({.user_password = kStatsUser})
          .Get(absl::StrCat("http://127.0.0.1:8404", path));
    });
  }
  load.Stop();
  EXPECT_GT(Requests(), 100U);

  // Crashes: the next one of each starts from what the dead one left.
  const int worker = lab.blue.ReadStats()->cpus.front().pid;
  for (const int pid : {lab.blue.ChildPid("koi-manager"), lab.blue.ChildPid("koi-carp"), worker}) {
    lab.lab.MustRun({"kill", "-KILL", absl::StrCat(pid)});
  }
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const absl::StatusOr<Stats> stats = lab.blue.ReadStats();
    return stats.ok() && stats->cpus.front().pid != worker &&
           stats->cpus.front().state == "serving" && lab.Get(urls[0]).ok();
  }));

  EXPECT_EQ(lab.blue.Stop(), 0);
  EXPECT_TRUE(Eventually(kPatience, [&] { return lab.red.role() == "master"; }));
  EXPECT_GT(Burst(lab.client, urls, ca_file, 40).ok, 20U);
  EXPECT_EQ(lab.red.Stop(), 0);
  EXPECT_THAT(Reports("how=\"signal 9\""), IsEmpty());
}

}  // namespace
}  // namespace koi::lab
