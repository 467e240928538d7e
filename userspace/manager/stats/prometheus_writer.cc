// SPDX-License-Identifier: Apache-2.0
// HELP, TYPE, samples.
#include "manager/stats/prometheus_writer.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace koi {
namespace {

const char* TypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return "counter";
    case MetricType::kGauge: return "gauge";
    case MetricType::kHistogram: return "histogram";
  }
  return "untyped";
}

std::string Seconds(uint64_t us) { return absl::StrFormat("%.9g", static_cast<double>(us) / 1e6); }

}  // namespace

void PrometheusWriter::Family(absl::string_view name, MetricType type, absl::string_view help) {
  family_ = std::string(name);
  absl::StrAppend(&text_, "# HELP ", name, " ",
                  absl::StrReplaceAll(help, {{"\\", "\\\\"}, {"\n", "\\n"}}), "\n# TYPE ", name,
                  " ", TypeName(type), "\n");
}

void PrometheusWriter::Sample(std::initializer_list<MetricLabel> labels, uint64_t value) {
  Line("", labels, {}, absl::StrCat(value));
}

void PrometheusWriter::Sample(std::initializer_list<MetricLabel> labels, double value) {
  Line("", labels, {}, absl::StrFormat("%.3f", value));
}

void PrometheusWriter::Histogram(std::initializer_list<MetricLabel> labels,
                                 const LatencyStats& latency) {
  uint64_t below = 0;
  for (size_t i = 0; i + 1 < latency.buckets.size(); ++i) {
    below += latency.buckets[i];
    Line("_bucket", labels, {"le", Seconds(LatencyStats::LimitUs(i))}, absl::StrCat(below));
  }
  Line("_bucket", labels, {"le", "+Inf"}, absl::StrCat(latency.count));
  Line("_sum", labels, {}, Seconds(latency.sum_us));
  Line("_count", labels, {}, absl::StrCat(latency.count));
}

void PrometheusWriter::Line(absl::string_view part, std::initializer_list<MetricLabel> labels,
                            const MetricLabel& last, absl::string_view value) {
  absl::StrAppend(&text_, family_, part);
  char before = '{';
  const auto add = [&](const MetricLabel& label) {
    absl::StrAppend(
        &text_, absl::string_view(&before, 1), label.name, "=\"",
        absl::StrReplaceAll(label.value, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}), "\"");
    before = ',';
  };
  for (const MetricLabel& label : labels) add(label);
  if (!last.name.empty()) add(last);
  absl::StrAppend(&text_, before == '{' ? "" : "}", " ", value, "\n");
}

}  // namespace koi
