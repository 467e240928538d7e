// SPDX-License-Identifier: Apache-2.0
// One lab and one load for all rows.
#include "lab/kill_matrix.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "net/netlink.h"

namespace koi::lab {
namespace {

constexpr size_t kWholeLog = 16 << 20;

}  // namespace

KoiLab* KillMatrix::lab_ = nullptr;
MixedLoad* KillMatrix::load_ = nullptr;

void KillMatrix::SetUpTestSuite() {
  lab_ = new KoiLab;
  ASSERT_TRUE(lab_->StartBoth());
  load_ = new MixedLoad(lab_->client, KoiLab::Url4("https", "/"), KoiLab::Url6("https", "/long"),
                        lab_->certificate.chain);
}

void KillMatrix::TearDownTestSuite() {
  delete std::exchange(load_, nullptr);
  delete std::exchange(lab_, nullptr);
}

void KillMatrix::SetUp() {
  ASSERT_NE(load_, nullptr) << "the lab does not serve";
  const auto roles_are = [this](Balancer& one, Balancer& other) {
    master_ = &one;
    backup_ = &other;
    return one.role() == "master" && other.role() == "backup";
  };
  ASSERT_TRUE(Eventually(
      30s, [&] { return roles_are(lab_->blue, lab_->red) || roles_are(lab_->red, lab_->blue); }));
  ASSERT_TRUE(Answers(20));
  for (const Balancer* host : {&lab_->blue, &lab_->red}) {
    log_began_[host->name()] = host->LogTail(kWholeLog).size();
  }
  (void)load_->Take();
}

void KillMatrix::TearDown() {
  if (!HasFailure() || lab_ == nullptr) return;
  for (const Balancer* host : {&lab_->blue, &lab_->red}) {
    std::cerr << "--- " << host->name() << " wrote:\n" << Log(*host) << '\n';
  }
}

std::vector<int> KillMatrix::Pids(Balancer& host, const std::string& program) {
  std::vector<int> pids;
  const std::string children =
      lab_->lab.Run({"ps", "-o", "pid=,comm=", "--ppid", absl::StrCat(host.koid().pid())}).out;
  for (const absl::string_view line : absl::StrSplit(children, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int pid = 0;
    if (words.size() != 2 || !absl::SimpleAtoi(words[0], &pid)) continue;
    if (program.empty() || words[1] == program) pids.push_back(pid);
  }
  return pids;
}

std::vector<int> KillMatrix::AllPids(Balancer& host) {
  std::vector<int> pids = Pids(host, "");
  pids.insert(pids.begin(), host.koid().pid());
  return pids;
}

size_t KillMatrix::VipsOn(Balancer& host) {
  return host.host().In([]() -> size_t {
    absl::StatusOr<Netlink> netlink = Netlink::Open();
    if (!netlink.ok()) return 0;
    const auto addresses = netlink->AllAddresses();
    if (!addresses.ok()) return 0;
    return static_cast<size_t>(
        std::count_if(addresses->begin(), addresses->end(), [](const InterfaceAddress& present) {
          return present.address.ToString() == kVip4 || present.address.ToString() == kVip6;
        }));
  });
}

void KillMatrix::Send(const std::string& signal, const std::vector<int>& pids) {
  Argv argv = {"kill", absl::StrCat("-", signal)};
  for (const int pid : pids) argv.push_back(absl::StrCat(pid));
  lab_->lab.MustRun(argv);
}

bool KillMatrix::Answers(uint64_t count) {
  const uint64_t before = load_->answers();
  return Eventually(30s, [&] { return load_->answers() >= before + count; });
}

std::string KillMatrix::Log(const Balancer& host) const {
  return host.LogTail(kWholeLog).substr(log_began_.at(host.name()));
}

size_t KillMatrix::Logged(const Balancer& host, const std::string& text) const {
  const std::string log = Log(host);
  size_t count = 0;
  for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
  return count;
}

MixedReport KillMatrix::Saw(const std::string& row) {
  const MixedReport report = load_->Take();
  std::cout << row << ": " << report.Describe() << std::endl;
  PrintMeasured(absl::StrCat(row, "_failed"), static_cast<int64_t>(report.failed()), "requests");
  PrintMeasured(absl::StrCat(row, "_gap"), report.longest_gap_ms, "ms");
  return report;
}

}  // namespace koi::lab
