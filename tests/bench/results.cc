// SPDX-License-Identifier: Apache-2.0
// What was measured, as a table for people and as JSON for programs.
#include "bench/results.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace koi::bench {
namespace {

constexpr int kTitleWidth = 17;
constexpr int kCellWidth = 20;

// What is shown beside the case it comes from.
struct Row {
  std::string key;
  std::string baseline;
};

std::vector<Row> Rows() {
  std::vector<Row> rows;
  for (const Case& one : Cases()) {
    rows.push_back({one.key, one.baseline});
    if (one.plan.rate == 0) continue;
    for (const char* latency : {"_p50_us", "_p99_us"}) {
      rows.push_back({absl::StrCat(one.key, latency), one.baseline});
    }
  }
  return rows;
}

double Rounded(double value) { return std::round(value * 1000) / 1000; }

std::string Figure(double value) { return absl::StrFormat("%.*f", value < 100 ? 1 : 0, value); }

}  // namespace

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void Results::Add(const Case& one, const std::string& proxy, const LoadReport& report) {
  const std::string key = one.key;
  auto& samples = samples_[proxy];
  if (one.plan.idle > 0) {
    const auto bytes = static_cast<double>(report.pss_after - report.pss_before);
    samples[key].push_back(bytes / 1024 / static_cast<double>(report.requests));
    return;
  }
  samples[key].push_back(static_cast<double>(report.cpu_ns) / 1000 /
                         static_cast<double>(report.requests));
  if (one.plan.rate == 0) return;
  samples[key + "_p50_us"].push_back(static_cast<double>(report.p50_us));
  samples[key + "_p99_us"].push_back(static_cast<double>(report.p99_us));
}

void Results::Fail(const std::string& key, const std::string& proxy, const std::string& why) {
  failures_.emplace(absl::StrCat(proxy, " ", key), why);
}

const std::vector<double>* Results::Find(const std::string& proxy, const std::string& key) const {
  for (const auto& [failed, why] : failures_) {
    // Latencies of a failed case have its key in front.
    if (absl::StrCat(proxy, " ", key).rfind(failed, 0) == 0) return nullptr;
  }
  const auto of_proxy = samples_.find(proxy);
  if (of_proxy == samples_.end()) return nullptr;
  const auto found = of_proxy->second.find(key);
  return found == of_proxy->second.end() ? nullptr : &found->second;
}

double Results::Ratio(const std::string& proxy, const std::string& key,
                      const std::string& baseline) const {
  const std::vector<double>* values = Find(proxy, key);
  const std::vector<double>* base = Find(baseline, key);
  if (values == nullptr || base == nullptr) return 0;
  const double divisor = Median(*base);
  return divisor > 0 ? Median(*values) / divisor : 0;
}

std::string Results::Cell(const std::string& proxy, const std::string& key,
                          const std::string& baseline) const {
  if (failures_.count(absl::StrCat(proxy, " ", key)) > 0) return "FAILED";
  const std::vector<double>* values = Find(proxy, key);
  if (values == nullptr) return "-";
  const double ratio = Ratio(proxy, key, baseline);
  return absl::StrCat(Figure(*std::min_element(values->begin(), values->end())), " (",
                      Figure(Median(*values)), ") ",
                      ratio > 0 ? absl::StrFormat("%.2f", ratio) : "");
}

std::string Results::Table() const {
  std::string text = absl::StrFormat("%-*s", kTitleWidth, "");
  for (const std::string& proxy : proxies_) absl::StrAppendFormat(&text, "%*s", kCellWidth, proxy);
  text += '\n';
  for (const Row& row : Rows()) {
    std::string line = absl::StrFormat("%-*s", kTitleWidth, row.key);
    bool any = false;
    for (const std::string& proxy : proxies_) {
      const std::string cell = Cell(proxy, row.key, row.baseline);
      any = any || cell != "-";
      absl::StrAppendFormat(&line, "%*s", kCellWidth, cell);
    }
    if (any) absl::StrAppend(&text, line, "\n");
  }
  for (const auto& [what, why] : failures_)
    absl::StrAppend(&text, "FAILED ", what, ": ", why, "\n");
  return text;
}

nlohmann::json Results::ToJson() const {
  nlohmann::json json = {{"ratio_to_haproxy", nlohmann::json::object()},
                         {"failed", nlohmann::json(failures_)}};
  for (const Row& row : Rows()) {
    for (const std::string& proxy : proxies_) {
      const std::vector<double>* values = Find(proxy, row.key);
      if (values == nullptr) continue;
      json["medians"][proxy][row.key] = Rounded(Median(*values));
      const double ratio = Ratio(proxy, row.key, row.baseline);
      if (ratio > 0) json["ratios"][proxy][row.key] = Rounded(ratio);
      if (proxy != "koi") continue;
      if (ratio > 0) json["ratio_to_haproxy"][row.key] = Rounded(ratio);
      if (row.key == "idle_kib") json["idle_kib"] = Rounded(Median(*values));
    }
  }
  return json;
}

}  // namespace koi::bench
