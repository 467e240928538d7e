// SPDX-License-Identifier: Apache-2.0
// What clients do to a VIP.
#include "support/lab/load.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

// More than one, so that one that hangs in its last timeout does not hide the first new answer.
constexpr int kProbers = 4;
constexpr Duration kProbePause = 10ms;
constexpr Duration kProbeTimeout = 200ms;
// A pause between requests keeps a machine of two cores from measuring only itself.
constexpr Duration kLoadPause = 1ms;

}  // namespace

void LoadReport::Count(const HttpAnswer& answer) {
  if (answer.ok()) {
    ++ok;
    ++served_by[answer.body.substr(0, std::min<size_t>(answer.body.find('\n'), 64))];
  } else {
    ++failed;
    ++failures[answer.Failure()];
  }
}

std::string LoadReport::Describe() const {
  std::string text = absl::StrCat(ok, " ok, ", failed, " failed");
  std::string separator = " (";
  for (const auto& [why, count] : failures) {
    absl::StrAppend(&text, separator, count, " x ", why);
    separator = ", ";
  }
  return failures.empty() ? text : absl::StrCat(text, ")");
}

LoadReport Burst(const Host& client, const std::vector<std::string>& urls,
                 const std::string& ca_file, int count, int at_once) {
  std::mutex mutex;
  LoadReport report;
  std::atomic<int> next = 0;
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(at_once));
  for (int thread = 0; thread < at_once; ++thread) {
    threads.emplace_back([&] {
      client.EnterNamespace();
      HttpClient http({.ca_file = ca_file, .timeout = 10s});
      for (int number = next++; number < count; number = next++) {
        const HttpAnswer answer = http.Get(urls[static_cast<size_t>(number) % urls.size()]);
        const std::lock_guard<std::mutex> lock(mutex);
        report.Count(answer);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return report;
}

void Crew::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool Crew::StoppedWithin(Duration pause) {
  std::unique_lock<std::mutex> lock(mutex_);
  return stop_changed_.wait_for(lock, pause, [this] { return stop_; });
}

Load::Load(const Host& client, std::vector<std::string> urls, const std::string& ca_file,
           int threads) {
  crew_.Start(client, threads, kLoadPause, [this, urls = std::move(urls), ca_file](int number) {
    auto http = std::make_shared<HttpClient>(
        HttpClientOptions{.ca_file = ca_file, .keep_alive = number % 2 == 0});
    return [this, http, urls, turn = static_cast<size_t>(number / 2)]() mutable {
      const HttpAnswer answer = http->Get(urls[turn++ % urls.size()]);
      const std::lock_guard<std::mutex> lock(mutex_);
      report_.Count(answer);
    };
  });
}

LoadReport Load::SoFar() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return report_;
}

LoadReport Load::Stop() {
  crew_.Stop();
  return SoFar();
}

OutageProber::OutageProber(const Host& client, std::string url, const std::string& ca_file)
    : last_answer_(Now()) {
  crew_.Start(client, kProbers, kProbePause, [this, url = std::move(url), ca_file](int) {
    auto http = std::make_shared<HttpClient>(
        HttpClientOptions{.ca_file = ca_file, .timeout = kProbeTimeout});
    return [this, http, url] {
      const bool answered = http->Get(url).ok();
      const std::lock_guard<std::mutex> lock(mutex_);
      ++(answered ? report_.ok : report_.failed);
      if (!answered) return;
      const TimePoint now = Now();
      report_.longest_gap_ms = std::max(report_.longest_gap_ms, ToMilliseconds(now - last_answer_));
      last_answer_ = now;
    };
  });
}

TimePoint OutageProber::last_answer() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return last_answer_;
}

OutageReport OutageProber::Stop() {
  crew_.Stop();
  const std::lock_guard<std::mutex> lock(mutex_);
  return report_;
}

}  // namespace koi::lab
