// SPDX-License-Identifier: Apache-2.0
// The text format of Prometheus, version 0.0.4.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"
#include "protocol/traffic_stats.h"

namespace koi {

constexpr char kPrometheusContentType[] = "text/plain; version=0.0.4; charset=utf-8";

enum class MetricType { kCounter, kGauge, kHistogram };

struct MetricLabel {
  absl::string_view name;
  absl::string_view value;
};

class PrometheusWriter {
 public:
  // Begins a family: all samples until the next one are of it.
  void Family(absl::string_view name, MetricType type, absl::string_view help);
  void Sample(std::initializer_list<MetricLabel> labels, uint64_t value);
  void Sample(std::initializer_list<MetricLabel> labels, double value);

  // A family of kHistogram: its buckets, in seconds, sum and count.
  void Histogram(std::initializer_list<MetricLabel> labels, const LatencyStats& latency);

  std::string Take() { return std::move(text_); }

 private:
  // One of the family, or of its parts ("_sum"), with one more label unless that has no name.
  void Line(absl::string_view part, std::initializer_list<MetricLabel> labels,
            const MetricLabel& last, absl::string_view value);

  std::string family_;
  std::string text_;
};

}  // namespace koi
