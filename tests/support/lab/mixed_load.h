// SPDX-License-Identifier: Apache-2.0
// Steady load of three kinds at once: clients that keep their connection, clients that connect for
// each request, and long downloads.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "base/time.h"
#include "support/lab/host.h"
#include "support/lab/load.h"

namespace koi::lab {

struct MixedReport {
  LoadReport keep_alive;
  LoadReport anew;
  LoadReport downloads;
  int64_t longest_gap_ms = 0;  // between two answers to requests, whoever got them

  uint64_t failed() const { return keep_alive.failed + anew.failed + downloads.failed; }
  std::string Describe() const;
};

class MixedLoad {
 public:
  // Each client has at most one connection at a time, so that it can lose no more than one.
  static constexpr int kClientsOfAKind = 2;
  static constexpr int kClients = 3 * kClientsOfAKind;

  // Asks `url` until stopped, and downloads `download_url`.
  MixedLoad(const Host& client, const std::string& url, const std::string& download_url,
            const std::string& ca_file);

  // What ended since the last call, or since the start.
  MixedReport Take();
  // How many requests were answered so far.
  uint64_t answers() const;
  MixedReport Stop();

 private:
  void Add(const Host& client, const std::string& url, const HttpClientOptions& options,
           LoadReport MixedReport::*report, bool is_request);

  mutable std::mutex mutex_;
  MixedReport report_;
  uint64_t answers_ = 0;
  TimePoint last_answer_;
  Crew crew_;
};

}  // namespace koi::lab
