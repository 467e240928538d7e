// SPDX-License-Identifier: Apache-2.0
// A hundred replaced workers, a hundred replaced certificates and a hundred reloads under load:
// nothing fails, and nothing grows.
//
//   client ── blue ── web-1 (IPv4), web-2 (IPv6)
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

constexpr int kRounds = 100;
// Everything has grown to what it needs by then.
constexpr int kWarmUpRounds = 20;

// What may grow where something is forgotten.
struct Usage {
  std::map<std::string, int64_t> descriptors;  // by program
  std::map<std::string, int64_t> pss_kib;
  std::map<std::string, int64_t> map_entries;  // of hashes
};

class EnduranceTest : public KoiTest {
 protected:
  // All of `program` that the keeper runs, or the keeper itself.
  std::vector<int> PidsOf(const std::string& program) {
    if (program == "koid") return {lab.blue.koid().pid()};
    std::vector<int> pids;
    const std::string children =
        lab.blue.host()
            .Run({"ps", "-o", "pid=,comm=", "--ppid", absl::StrCat(lab.blue.koid().pid())})
            .out;
    for (const absl::string_view line : absl::StrSplit(children, '\n')) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
      int pid = 0;
      if (words.size() == 2 && words[1] == program && absl::SimpleAtoi(words[0], &pid)) {
        pids.push_back(pid);
      }
    }
    return pids;
  }

  static int64_t DescriptorsOf(int pid) {
    const std::filesystem::directory_iterator fds(absl::StrCat("/proc/", pid, "/fd"));
    return std::distance(std::filesystem::begin(fds), std::filesystem::end(fds));
  }

  static int64_t PssKibOf(int pid) {
    const std::string text = ReadFile(absl::StrCat("/proc/", pid, "/smaps_rollup")).value_or("");
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
      int64_t kib = 0;
      if (words.size() >= 2 && words[0] == "Pss:" && absl::SimpleAtoi(words[1], &kib)) return kib;
    }
    return 0;
  }

  Usage Measure() {
    Usage usage;
    for (const char* program : {"koid", "koi-manager", "koi-carp", "koi-worker"}) {
      for (const int pid : PidsOf(program)) {
        usage.descriptors[program] += DescriptorsOf(pid);
        usage.pss_kib[program] += PssKibOf(pid);
      }
    }
    for (const char* map : {"koi_vips", "koi_services"}) {
      const std::string count =
          lab.lab
              .Run({"sh", "-c",
                    absl::StrCat("bpftool -j map dump pinned ", lab.blue.MapPath(map),
                                 " | grep -o formatted | wc -l")})
              .out;
      (void)absl::SimpleAtoi(count, &usage.map_entries[map]);
    }
    return usage;
  }

  void ReplaceWorker(int round) {
    const std::vector<CpuStats> cpus = lab.blue.ReadStats()->cpus;
    const int cpu = cpus[static_cast<size_t>(round) % cpus.size()].cpu;
    const ProgramResult replaced =
        lab.blue.Koi({"worker", "replace", absl::StrCat(cpu), "--limit", "20s"});
    ASSERT_TRUE(replaced.ok()) << replaced.Describe();
    ASSERT_NE(replaced.out.find(" 0 connections cut"), std::string::npos) << replaced.out;
  }

  void ReplaceCertificates(const Certificate& next) {
    lab.lab.MustRun({"cp", next.key, lab.certificate.key});
    lab.lab.MustRun({"cp", next.chain, lab.certificate.chain});
    const ProgramResult reloaded = lab.blue.Koi({"cert", "reload"});
    ASSERT_TRUE(reloaded.ok()) << reloaded.Describe();
  }

  // The configuration with `certificate` in place of its own and, where `more`, another weight and
  // another service.
  std::string ConfigWith(const Certificate& certificate, bool more) {
    std::string text = absl::StrReplaceAll(
        lab.blue.Config(),
        {{lab.certificate.chain, certificate.chain}, {lab.certificate.key, certificate.key}});
    if (!more) return text;
    const std::string backend = absl::StrCat(lab.web_1.endpoint4(), "\" }");
    EXPECT_TRUE(absl::StrContains(text, backend));
    text = absl::StrReplaceAll(
        text, {{backend, absl::StrCat(lab.web_1.endpoint4(), "\", weight = 50 }")}});
    return absl::StrCat(text, "\n[[service]]\nname = \"extra\"\nlisten = [\"", kVip4,
                        ":8081\"]\npool = \"web\"\n");
  }

  // Takes `config`, which adds service "extra" or, with `change` "-", takes it away.
  void Reload(const std::string& config, const std::string& change) {
    lab.blue.SetConfig(config);
    const ProgramResult reloaded = lab.blue.Koi({"reload"});
    ASSERT_TRUE(reloaded.ok()) << reloaded.Describe();
    ASSERT_THAT(reloaded.out, ::testing::HasSubstr(absl::StrCat(change, " service extra")));
    ASSERT_THAT(reloaded.out, ::testing::HasSubstr("~ backend web/web-1: weight "));
    const bool answers = lab.Get(absl::StrCat("http://", kVip4, ":8081/")).ok();
    ASSERT_EQ(answers, change == "+");
  }

  // Does `round(number)` kRounds times and expects that what is in use afterwards was in use after
  // kWarmUpRounds already.
  void ExpectNothingGrows(const std::string& what, const std::function<void(int)>& round) {
    Usage before;
    for (int number = 0; number < kRounds; ++number) {
      SCOPED_TRACE(absl::StrCat(what, " ", number));
      if (number == kWarmUpRounds) before = Measure();
      ASSERT_NO_FATAL_FAILURE(round(number));
    }
    const Usage after = Measure();
    EXPECT_EQ(after.map_entries, before.map_entries);
    for (const auto& [map, entries] : after.map_entries) EXPECT_GT(entries, 0) << map;
    for (const auto& [program, count] : after.descriptors) {
      PrintMeasured(absl::StrCat(what, "_descriptors_", program), count, "descriptors");
      // A connection of the load, or of this measurement, more or less.
      const int64_t slack = program == "koi-worker" ? 40 : 4;
      EXPECT_LE(count, before.descriptors.at(program) + slack) << program;
    }
    for (const auto& [program, kib] : after.pss_kib) {
      PrintMeasured(absl::StrCat(what, "_pss_", program), kib, "KiB");
      EXPECT_LE(kib, before.pss_kib.at(program) * 5 / 4 + 1024) << program;
    }
  }
};

TEST_F(EnduranceTest, HundredReplacementsAndHundredReloadsLoseNothingAndLeaveNothing) {
  ASSERT_TRUE(lab.StartBlue());
  const std::vector<Certificate> certificates = {
      MakeCertificate(lab.lab, {kVip4, kVip6}, "first"),
      MakeCertificate(lab.lab, {kVip4, kVip6}, "second")};
  const std::string trusted = absl::StrCat(lab.lab.directory(), "/trusted.pem");
  lab.lab.MustRun({"sh", "-c",
                   absl::StrCat("cat ", lab.certificate.chain, " ", certificates[0].chain, " ",
                                certificates[1].chain, " > ", trusted)});
  Load load(lab.client, {KoiLab::Url4("https", "/"), KoiLab::Url6("https", "/")}, trusted);
  ASSERT_TRUE(Answers(load, 50));

  ASSERT_NO_FATAL_FAILURE(
      ExpectNothingGrows("replacements", [this](int number) { ReplaceWorker(number); }));
  // The same workers all along: what each change leaves behind would pile up.
  ASSERT_NO_FATAL_FAILURE(ExpectNothingGrows("certificates", [&](int number) {
    ReplaceCertificates(certificates[static_cast<size_t>(number) % certificates.size()]);
  }));

  const std::string smaller = ConfigWith(certificates[0], false);
  const std::string larger = ConfigWith(certificates[1], true);
  ASSERT_NO_FATAL_FAILURE(ExpectNothingGrows("reloads", [&](int number) {
    number % 2 == 0 ? Reload(larger, "+") : Reload(smaller, "-");
  }));

  ASSERT_TRUE(Answers(load, 50));
  const LoadReport report = load.Stop();
  EXPECT_EQ(report.failed, 0U) << report.Describe();
  PrintMeasured("endurance_requests", static_cast<int64_t>(report.ok), "requests");
}

}  // namespace
}  // namespace koi::lab
