// SPDX-License-Identifier: Apache-2.0
// One run of the load client: warms up, measures, reports.
#pragma once

#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/fd.h"
#include "base/time.h"
#include "bench/client_connection.h"
#include "bench/client_tls.h"
#include "bench/load_plan.h"

namespace koi::bench {

class LoadRun {
 public:
  explicit LoadRun(const LoadPlan& plan);
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  // To its end, or to the first error, which is in the report.
  LoadReport Run();
  // Waits for SIGTERM, which the caller has blocked, with all connections open; false when one of
  // them ended first.
  bool Hold();

 private:
  absl::Status Prepare();
  absl::Status WarmUp();
  absl::Status Saturate();
  absl::Status Pace();
  absl::Status OpenIdle();
  absl::Status Settle();

  // Handles events until the next one is due at `until`, or `done_` has grown.
  absl::Status HandleEvents(TimePoint until);
  absl::Status Handle(ClientConnection& connection, Progress progress);
  // What `connection`, whose question was answered, does next.
  Progress Next(ClientConnection& connection);
  Progress OpenAnew(ClientConnection& connection);
  absl::Status Until(uint64_t answers);

  enum class Phase { kWarmUp, kSaturate, kPace, kIdle };

  const LoadPlan plan_;
  const TimePoint end_;
  ClientTls tls_;
  ClientShared shared_;
  Fd epoll_;
  Phase phase_ = Phase::kWarmUp;
  uint64_t asked_ = 0;  // in this phase
  uint64_t done_ = 0;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  size_t opened_ = 0;                   // connections that wait idle, in phase kIdle
  std::queue<ClientConnection*> free_;  // in phase kPace: the one that rested longest is next
  std::queue<TimePoint> late_;          // requests that are due and have no connection yet
  std::vector<int64_t> latencies_us_;
  LoadReport report_;
};

}  // namespace koi::bench
