// SPDX-License-Identifier: Apache-2.0
// What strangers' tools find: testssl.sh and nmap of the TLS that koi speaks as it comes, and
// slowhttptest with a thousand clients that take their time.
//
//   client ── blue ── web
#include <atomic>
#include <map>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "lab/koi_test.h"
#include "nlohmann/json.hpp"

namespace koi::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kName[] = "koi.test";
constexpr Duration kScanLimit = std::chrono::minutes(25);

class ScanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    blue.Start();
    ASSERT_TRUE(Eventually(60s, [this] { return Get().ok(); })) << blue.LogTail();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << blue.LogTail() << blue.Koi({"status"}).Describe() << '\n';
  }

  HttpAnswer Get() const {
    return client.In([this] {
      return HttpClient({.ca_file = authority.chain, .timeout = 2s})
          .Get(absl::StrCat("https://", kVip4, "/"));
    });
  }

  // testssl.sh's findings, its JSON: of all it judges. It could also try each cipher suite and play
  // each browser, which takes as long again.
  nlohmann::json Findings() const {
    const std::string path = absl::StrCat(client.directory(), "/testssl.json");
    Argv argv = absl::StrSplit(
        "testssl --quiet --color 0 --warnings off --nodns none --protocols --std --fs "
        "--server-preference --server-defaults --headers --vulnerable",
        ' ');
    argv.insert(argv.end(), {"--add-ca", authority.chain, "--jsonfile", path, "--ip", kVip4,
                             absl::StrCat(kName, ":443")});
    const ProgramResult result = client.Run(argv, kScanLimit);
    std::cout << result.out << std::endl;
    const std::string text = ReadFile(path, 16 << 20).value_or("");
    return nlohmann::json::parse(text, nullptr, false);
  }

  Lab lab;
  Host& client = lab.Add("client");
  const Certificate authority = MakeAuthority(lab);
  WebBackend web{lab, "web"};
  Balancer blue{
      lab,
      "blue",
      {.certificate = IssueCertificate(
           lab, authority, {absl::StrCat("DNS:", kName), absl::StrCat("IP:", kVip4)}, kName),
       .backends = {{"web", web.endpoint4()}}}};
};

// "ID reason" a line, of the findings above LOW that are none.
std::map<std::string, std::string> Excepted() {
  std::map<std::string, std::string> excepted;
  std::istringstream file(
      ReadFile(KOI_SOURCE_DIR "/tests/data/scans/testssl_excepted.txt").value_or(""));
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::pair<std::string, std::string> entry = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    excepted.insert(entry);
  }
  return excepted;
}

TEST_F(ScanTest, TestsslFindsNothingAboveLow) {
  const nlohmann::json findings = Findings();
  ASSERT_TRUE(findings.is_array());
  EXPECT_GT(findings.size(), 60U) << "testssl.sh did not look at everything";

  const std::map<std::string, std::string> excepted = Excepted();
  std::set<std::string> seen;
  const std::set<std::string> above_low = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"};
  for (const nlohmann::json& finding : findings) {
    const std::string id = finding.value("id", "");
    if (above_low.count(finding.value("severity", "")) == 0) continue;
    seen.insert(id);
    EXPECT_EQ(excepted.count(id), 1U) << finding.dump();
  }
  for (const auto& [id, reason] : excepted) {
    EXPECT_EQ(seen.count(id), 1U) << "excepted, and not found any more: " << id;
  }
}

TEST_F(ScanTest, NmapGradesEveryCipherSuiteA) {
  const ProgramResult result = client.Run(
      {"nmap", "-n", "-Pn", "-p", "443,8443", "--script", "ssl-enum-ciphers", kVip4}, kScanLimit);
  std::cout << result.out << std::endl;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("TLSv1.2"), HasSubstr("TLSv1.3"), HasSubstr("least strength: A"),
                    Not(HasSubstr("TLSv1.0")), Not(HasSubstr("TLSv1.1"))));
  for (const char* grade : {"B", "C", "D", "E", "F", "unknown"}) {
    EXPECT_THAT(result.out, Not(HasSubstr(absl::StrCat("least strength: ", grade))));
  }
}

// A thousand connections of one kind for twenty seconds, and one more client ten times a second.
class SlowClientsTest : public ScanTest, public ::testing::WithParamInterface<Argv> {
 protected:
  uint64_t Accepted() const {
    uint64_t accepted = 0;
    for (const CpuStats& cpu : blue.ReadStats().value_or(Stats{}).cpus) accepted += cpu.accepted;
    return accepted;
  }
  int64_t WorkersPss() const {
    int64_t kib = 0;
    const absl::StatusOr<Stats> stats = blue.ReadStats();
    if (!stats.ok()) return 0;
    for (const CpuStats& cpu : stats->cpus) {
      const std::string path = absl::StrCat("/proc/", cpu.pid, "/smaps_rollup");
      for (const absl::string_view line : absl::StrSplit(ReadFile(path).value_or(""), '\n')) {
        const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
        if (words.size() == 3 && words[0] == "Pss:") kib += std::stol(words[1]);
      }
    }
    return kib;
  }
};

TEST_P(SlowClientsTest, LeaveTheServiceAvailable) {
  std::atomic<uint64_t> ok = 0;
  std::atomic<uint64_t> failed = 0;
  const uint64_t accepted_before = Accepted();
  std::atomic<int64_t> most_kib = 0;
  Crew probes;
  probes.Start(client, 1, 100ms, [&](int) {
    return [&] {
      const HttpAnswer answer = HttpClient({.ca_file = authority.chain, .timeout = 2s})
                                    .Get(absl::StrCat("https://", kVip4, "/"));
      ++(answer.ok() ? ok : failed);
    };
  });
  Crew figures;
  figures.Start(client, 1, 1s,
                [&](int) { return [&] { most_kib = std::max(most_kib.load(), WorkersPss()); }; });

  Argv argv = {"slowhttptest", "-c", "1000", "-r", "200", "-l", "20", "-p", "3"};
  argv.insert(argv.end(), GetParam().begin(), GetParam().end());
  const ProgramResult result = client.Run(argv, 120s);
  figures.Stop();
  probes.Stop();

  EXPECT_THAT(result.out, HasSubstr("Test ended")) << result.Describe();
  EXPECT_GE(Accepted() - accepted_before, 900 + ok) << "too few to call it an attack";
  EXPECT_EQ(failed, 0U) << "of " << ok + failed;
  EXPECT_GT(ok, 20U);
  PrintMeasured("slow_clients_workers_pss", most_kib, "KiB");
  // Four buffers of a connection, OpenSSL's, and the workers themselves.
  EXPECT_LT(most_kib, 256 << 10);
}

std::vector<Argv> SlowKinds() {
  const std::string site = absl::StrCat("https://", kVip4, "/");
  return {{"-H", "-u", site, "-i", "5", "-x", "24"},
          {"-B", "-u", site + "body", "-i", "5", "-s", "8192", "-x", "10", "-t", "POST"},
          {"-X", "-u", site + "mib", "-w", "512", "-y", "1024", "-n", "5", "-z", "32"}};
}

std::string SlowKindName(const ::testing::TestParamInfo<Argv>& info) {
  constexpr const char* kNames[] = {"Headers", "Bodies", "Readers"};
  return kNames[info.index];
}

INSTANTIATE_TEST_SUITE_P(Slow, SlowClientsTest, ::testing::ValuesIn(SlowKinds()), SlowKindName);

}  // namespace
}  // namespace koi::lab
