// SPDX-License-Identifier: Apache-2.0
// Threads of three kinds, and what they saw.
#include "support/lab/mixed_load.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

// A machine of two cores is to have time for koi too.
constexpr Duration kPause = 10ms;
constexpr Duration kRequestLimit = 10s;
constexpr Duration kDownloadLimit = 60s;

}  // namespace

std::string MixedReport::Describe() const {
  return absl::StrCat("keep-alive: ", keep_alive.Describe(), "; new: ", anew.Describe(),
                      "; downloads: ", downloads.Describe(), "; longest gap ", longest_gap_ms,
                      " ms");
}

MixedLoad::MixedLoad(const Host& client, const std::string& url, const std::string& download_url,
                     const std::string& ca_file)
    : last_answer_(Now()) {
  HttpClientOptions options = {.ca_file = ca_file, .timeout = kRequestLimit};
  Add(client, url, options, &MixedReport::anew, /*is_request=*/true);
  options.keep_alive = true;
  Add(client, url, options, &MixedReport::keep_alive, /*is_request=*/true);
  options.timeout = kDownloadLimit;
  Add(client, download_url, options, &MixedReport::downloads, /*is_request=*/false);
}

void MixedLoad::Add(const Host& client, const std::string& url, const HttpClientOptions& options,
                    LoadReport MixedReport::*report, bool is_request) {
  crew_.Start(client, kClientsOfAKind, kPause, [=, this](int) {
    auto http = std::make_shared<HttpClient>(options);
    return [=, this] {
      const HttpAnswer answer = http->Get(url);
      const std::lock_guard<std::mutex> lock(mutex_);
      (report_.*report).Count(answer);
      if (!is_request || !answer.ok()) return;
      ++answers_;
      const TimePoint now = Now();
      report_.longest_gap_ms = std::max(report_.longest_gap_ms, ToMilliseconds(now - last_answer_));
      last_answer_ = now;
    };
  });
}

MixedReport MixedLoad::Take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(report_, {});
}

uint64_t MixedLoad::answers() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return answers_;
}

MixedReport MixedLoad::Stop() {
  crew_.Stop();
  return Take();
}

}  // namespace koi::lab
