// SPDX-License-Identifier: Apache-2.0
// What koi-load is told to do, and what it reports: one JSON object each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace koi::bench {

struct LoadPlan {
  std::string address = {};  // IPv4
  int port = 0;
  bool tls = true;
  bool fresh = false;      // each request on a connection of its own
  bool resume = false;     // which resumes a session of an earlier one
  bool websocket = false;  // a request is a message that must come back
  std::string path = "/1024";
  uint64_t body_bytes = 1024;  // that each answer must have
  uint64_t requests = 1;
  int connections = 1;
  int rate = 0;       // requests a second, started whatever became of earlier ones; 0: as it goes
  int idle = 0;       // connections to open and leave alone after a request each, instead of load
  bool hold = false;  // them until SIGTERM comes
  int cpu = -1;       // to run on
  int limit_s = 60;
  std::vector<int> watch = {};  // processes whose CPU time and memory are measured meanwhile
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(LoadPlan, address, port, tls, fresh, resume,
                                                websocket, path, body_bytes, requests, connections,
                                                rate, idle, hold, cpu, limit_s, watch)

struct LoadReport {
  std::string error = {};  // the first; nothing else counts then
  uint64_t requests = 0;   // answered in full
  double seconds = 0;
  uint64_t cpu_ns = 0;  // of the watched processes
  std::vector<uint64_t> cpu_ns_each = {};
  int64_t p50_us = 0;  // from when a request was due to its last byte; only with a rate
  int64_t p99_us = 0;
  int64_t pss_before = 0;  // bytes of the watched processes; only with idle connections
  int64_t pss_after = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(LoadReport, error, requests, seconds, cpu_ns,
                                                cpu_ns_each, p50_us, p99_us, pss_before, pss_after)

}  // namespace koi::bench
