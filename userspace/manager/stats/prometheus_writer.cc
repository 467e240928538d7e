// SPDX-License-Identifier: Apache-2.0
// HELP, TYPE, samples.
#include "manager/stats/prometheus_writer.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace koi {

void PrometheusWriter::Family(absl::string_view name, MetricType type, absl::string_view help) {
  family_ = std::string(name);
  absl::StrAppend(&text_, "# HELP ", name, " ",
                  absl::StrReplaceAll(help, {{"\\", "\\\\"}, {"\n", "\\n"}}), "\n# TYPE ", name,
                  type == MetricType::kCounter ? " counter\n" : " gauge\n");
}

void PrometheusWriter::Sample(std::initializer_list<MetricLabel> labels, uint64_t value) {
  Line(labels, absl::StrCat(value));
}

void PrometheusWriter::Sample(std::initializer_list<MetricLabel> labels, double value) {
  Line(labels, absl::StrFormat("%.3f", value));
}

void PrometheusWriter::Line(std::initializer_list<MetricLabel> labels, absl::string_view value) {
  text_ += family_;
  char before = '{';
  for (const MetricLabel& label : labels) {
    absl::StrAppend(
        &text_, absl::string_view(&before, 1), label.name, "=\"",
        absl::StrReplaceAll(label.value, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}), "\"");
    before = ',';
  }
  absl::StrAppend(&text_, labels.size() == 0 ? "" : "}", " ", value, "\n");
}

}  // namespace koi
