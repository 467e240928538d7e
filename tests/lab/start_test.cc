// SPDX-License-Identifier: Apache-2.0
// How soon koi serves after its start, and the next worker after one died; the memory koi takes at
// rest.
//
//   client ── blue (koi, alone: it waits a dead time for another host before it takes the VIPs)
#include <gtest/gtest.h>
#include <unistd.h>

#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "support/lab/balancer.h"
#include "support/lab/certificate.h"
#include "support/lab/eventually.h"
#include "support/lab/http_client.h"
#include "support/lab/lab.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

constexpr Duration kStartBound = 1s;
constexpr Duration kSilence = 3s;  // three adverts

// The process's share of the memory it uses: what it has in common with others is divided.
int64_t PssKib(int pid) {
  const std::string rollup = ReadFile(absl::StrCat("/proc/", pid, "/smaps_rollup")).value_or("");
  for (const absl::string_view line : absl::StrSplit(rollup, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int64_t kib = 0;
    if (words.size() == 3 && words[0] == "Pss:" && absl::SimpleAtoi(words[1], &kib)) return kib;
  }
  return 0;
}

class StartTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (HasFailure()) std::cerr << "--- end of koid.log:\n" << blue.LogTail() << '\n';
  }

  // How many workers have said that they serve.
  long WorkersServing() const {
    const std::string log = blue.LogTail(1 << 20);
    const std::vector<std::string> parts = absl::StrSplit(log, "koi-worker: worker serves");
    return static_cast<long>(parts.size()) - 1;
  }
  bool Answers() {
    return client.In([&] {
      return HttpClient({.ca_file = certificate.chain, .timeout = 1s})
                 .Get(absl::StrCat("https://", kVip4, "/"))
                 .status != 0;
    });
  }

  Lab lab;
  Host& client = lab.Add("client");
  const Certificate certificate = MakeCertificate(lab, {kVip4, kVip6});
  Balancer blue{lab, "blue", {.certificate = certificate}};
};

TEST_F(StartTest, WorkersServeSoonAndTheVipOnceNoOtherHostWasHeard) {
  const TimePoint start = Now();
  blue.Start();
  ASSERT_TRUE(Eventually(
      5 * kStartBound, [&] { return WorkersServing() == ::sysconf(_SC_NPROCESSORS_ONLN); },
      "start_to_workers_serving"));
  ASSERT_TRUE(Eventually(5 * (kSilence + kStartBound), [&] { return Answers(); }));
  PrintMeasured("start_to_vip_served", ToMilliseconds(Now() - start), "ms");

  const int koid = blue.koid().pid();
  std::map<std::string, std::vector<int64_t>> pss_kib = {{"koid", {PssKib(koid)}}};
  const std::string children =
      lab.Run({"ps", "-o", "pid=,comm=", "--ppid", absl::StrCat(koid)}).out;
  for (const absl::string_view line : absl::StrSplit(children, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int pid = 0;
    if (words.size() == 2 && absl::SimpleAtoi(words[0], &pid)) {
      pss_kib[words[1]].push_back(PssKib(pid));
    }
  }
  int64_t sum = 0;
  for (const auto& [program, each] : pss_kib) {
    for (const int64_t kib : each) {
      EXPECT_GT(kib, 0) << program;
      PrintMeasured(absl::StrCat("rest_pss_", program), kib, "KiB");
      sum += kib;
    }
  }
  EXPECT_EQ(pss_kib.size(), 4U);
  PrintMeasured("rest_pss_all", sum, "KiB");

  // At rest; tests of the kill matrix do the same under load.
  const long serving = WorkersServing();
  lab.MustRun({"kill", "-KILL", absl::StrCat(blue.ChildPid("koi-worker"))});
  EXPECT_TRUE(Eventually(
      1s, [&] { return WorkersServing() > serving; }, "rest_worker_back"));
}

}  // namespace
}  // namespace koi::lab
