// SPDX-License-Identifier: Apache-2.0
// The text that Prometheus reads.
#include "manager/stats/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "manager/stats/prometheus_writer.h"
#include "sample_stats.h"

namespace koi {
namespace {

using ::testing::HasSubstr;

TEST(MetricsTest, FamilyHasHelpAndTypeBeforeItsSamples) {
  EXPECT_THAT(PrometheusText(SampleStats()),
              HasSubstr("# HELP koi_carp_state State of the group on this host: 0 init, 1 backup, "
                        "2 master.\n"
                        "# TYPE koi_carp_state gauge\n"
                        "koi_carp_state{vhid=\"42\"} 2\n"));
}

TEST(MetricsTest, EachPartOfTheStatisticsIsThere) {
  const std::string text = PrometheusText(SampleStats());
  for (const char* line : {
           "koi_build_info{version=\"0.1.0\",node=\"blue\"} 1\n",
           "koi_uptime_seconds 12.500\n",
           "koi_xdp_attached{interface=\"eth0\",mode=\"native\"} 1\n",
           "koi_xdp_packets_total{verdict=\"BAD_FLAGS\",action=\"drop\"} 7\n",
           "koi_carp_authentication_failures_total{vhid=\"42\"} 2\n",
           "koi_vip_present{vip=\"10.0.0.1\"} 1\n",
           "koi_worker_up{cpu=\"1\"} 1\n",
           "koi_worker_connections{cpu=\"1\"} 3\n",
           "koi_worker_bytes_out_total{cpu=\"1\"} 2000\n",
           "koi_service_backends_up{service=\"web\"} 1\n",
           "koi_backend_up{pool=\"web\",backend=\"web-1\"} 1\n",
           "koi_backend_draining{pool=\"web\",backend=\"web-1\"} 0\n",
           "koi_backend_requests_total{pool=\"web\",backend=\"web-1\",code_class=\"2xx\"} 41\n",
           "koi_backend_requests_total{pool=\"web\",backend=\"web-1\",code_class=\"none\"} 9\n",
           "koi_backend_max_connections{pool=\"web\",backend=\"web-1\"} 10\n",
           "koi_backend_retries_total{pool=\"web\",backend=\"web-1\"} 2\n",
           "koi_service_requests_total{service=\"web\",code_class=\"5xx\"} 1\n",
           "koi_tls_handshakes_total{service=\"web\",version=\"TLSv1.2\"} 2\n",
           "koi_pool_queued{pool=\"web\"} 6\n",
           "koi_tls_certificate_expiry_timestamp_seconds{service=\"web\",name=\"koi.example\"} "
           "1800000000\n",
           "koi_tls_certificate_expiry_timestamp_seconds{pool=\"web\",name=\"koi.example\"} "
           "1900000000\n",
           "koi_access_log_written_total 19\n",
           "koi_access_log_dropped_total 1\n",
       }) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + line));
  }
}

TEST(MetricsTest, HistogramIsCumulativeAndInSeconds) {
  EXPECT_THAT(PrometheusText(SampleStats()),
              HasSubstr("# TYPE koi_request_seconds histogram\n"
                        "koi_request_seconds_bucket{service=\"web\",le=\"1.6e-05\"} 1\n"
                        "koi_request_seconds_bucket{service=\"web\",le=\"3.2e-05\"} 5\n"
                        "koi_request_seconds_bucket{service=\"web\",le=\"6.4e-05\"} 20\n"
                        "koi_request_seconds_bucket{service=\"web\",le=\"+Inf\"} 20\n"
                        "koi_request_seconds_sum{service=\"web\"} 0.003\n"
                        "koi_request_seconds_count{service=\"web\"} 20\n"));
}

TEST(MetricsTest, NamesAreKoisAndCountersEndInTotal) {
  std::set<std::string> families;
  for (const absl::string_view line : absl::StrSplit(PrometheusText(SampleStats()), '\n')) {
    if (!absl::StartsWith(line, "# TYPE ")) continue;
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    SCOPED_TRACE(words[2]);
    EXPECT_TRUE(families.insert(words[2]).second);
    EXPECT_TRUE(absl::StartsWith(words[2], "koi_"));
    EXPECT_EQ(absl::EndsWith(words[2], "_total"), words[3] == "counter");
  }
}

TEST(MetricsTest, SeriesAreUnique) {
  std::set<std::string> series;
  for (const absl::string_view line : absl::StrSplit(PrometheusText(SampleStats()), '\n')) {
    if (line.empty() || line[0] == '#') continue;
    EXPECT_TRUE(series.insert(std::string(line.substr(0, line.rfind(' ')))).second) << line;
  }
}

TEST(MetricsTest, StateNumbersAreInitBackupMaster) {
  Stats stats = SampleStats();
  stats.carp[0].role = CarpRole::kInit;
  EXPECT_THAT(PrometheusText(stats), HasSubstr("koi_carp_state{vhid=\"42\"} 0\n"));
  stats.carp[0].role = CarpRole::kBackup;
  EXPECT_THAT(PrometheusText(stats), HasSubstr("koi_carp_state{vhid=\"42\"} 1\n"));
}

TEST(MetricsTest, LabelsAreEscaped) {
  PrometheusWriter out;
  out.Family("koi_x", MetricType::kGauge, "a\\b\nc");
  out.Sample({{"l", "a\"b\\c\nd"}}, uint64_t{1});
  EXPECT_EQ(out.Take(),
            "# HELP koi_x a\\\\b\\nc\n# TYPE koi_x gauge\nkoi_x{l=\"a\\\"b\\\\c\\nd\"} 1\n");
}

}  // namespace
}  // namespace koi
