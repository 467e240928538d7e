// SPDX-License-Identifier: Apache-2.0
// What clients do to a VIP: steady load, a burst of connections, a probe that times an outage.
// All threads live in the client's network namespace.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "support/lab/host.h"
#include "support/lab/http_client.h"

namespace koi::lab {

struct LoadReport {
  uint64_t ok = 0;
  uint64_t failed = 0;
  std::map<std::string, uint64_t> failures;   // why, and how often
  std::map<std::string, uint64_t> served_by;  // first line of the body, and how often

  void Count(const HttpAnswer& answer);
  std::string Describe() const;  // "1200 ok, 3 failed (2 x status 503, 1 x timed out)"
};

// Asks `count` times for `urls` in turn, each over a connection of its own, `at_once` at a time.
LoadReport Burst(const Host& client, const std::vector<std::string>& urls,
                 const std::string& ca_file, int count, int at_once = 8);

// Threads in the background that a test may join at any time.
class Crew {
 public:
  Crew() = default;
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() { Stop(); }

  // Runs `turn` again and again in each of `count` threads in `host`, `pause` apart. Each thread
  // gets its own from `make_turn(thread number)`.
  template <typename MakeTurn>
  void Start(const Host& host, int count, Duration pause, MakeTurn make_turn) {
    for (int number = 0; number < count; ++number) {
      threads_.emplace_back([this, &host, pause, make_turn, number] {
        host.EnterNamespace();
        auto turn = make_turn(number);
        do turn();
        while (!StoppedWithin(pause));
      });
    }
  }
  void Stop();

 private:
  bool StoppedWithin(Duration pause);

  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

// Steady load until stopped: every other thread keeps its connection, the others connect anew for
// each request.
class Load {
 public:
  Load(const Host& client, std::vector<std::string> urls, const std::string& ca_file,
       int threads = 4);

  LoadReport SoFar() const;
  LoadReport Stop();

 private:
  mutable std::mutex mutex_;
  LoadReport report_;
  Crew crew_;
};

struct OutageReport {
  int64_t longest_gap_ms = 0;  // between two answers, whoever got them
  uint64_t ok = 0;
  uint64_t failed = 0;
};

// Asks for `url` every few milliseconds over a new connection, giving up after 200 ms.
class OutageProber {
 public:
  OutageProber(const Host& client, std::string url, const std::string& ca_file);

  // The time of the last answer so far.
  TimePoint last_answer() const;
  OutageReport Stop();

 private:
  mutable std::mutex mutex_;
  OutageReport report_;
  TimePoint last_answer_;
  Crew crew_;
};

}  // namespace koi::lab
