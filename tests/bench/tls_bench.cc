// SPDX-License-Identifier: Apache-2.0
// Measures all proxies in turn, case by case, round by round.
#include "bench/tls_bench.h"

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/bench_lab.h"
#include "bench/crypto_floor.h"
#include "bench/results.h"

namespace koi::bench {
namespace {

void MeasureOnce(const BenchLab& lab, const Proxy& proxy, const Case& one, double scale,
                 Results& results) {
  if (!proxy.Offers(one.offer)) return;
  const LoadReport report = lab.Measure(proxy, one.offer, Scaled(one.plan, scale));
  if (report.error.empty()) {
    results.Add(one, proxy.name(), report);
    return;
  }
  results.Fail(one.key, proxy.name(), report.error);
  std::cerr << "FAILED " << proxy.name() << ' ' << one.key << ": " << report.error << '\n'
            << proxy.LogTail() << std::endl;
}

void MeasureRound(const BenchLab& lab, const std::vector<Case>& cases, int round, double scale,
                  Results& results) {
  const auto& proxies = lab.proxies();
  for (const Case& one : cases) {
    if (one.plan.idle > 0) continue;
    std::cerr << "round " << round + 1 << ": " << one.key << std::endl;
    // Another one begins each round, so that none is always the first after another case.
    for (size_t i = 0; i < proxies.size(); ++i) {
      MeasureOnce(lab, *proxies[(i + static_cast<size_t>(round)) % proxies.size()], one, scale,
                  results);
    }
  }
}

// Memory is the same each time, and grows only from fresh: once, at the beginning. What follows
// does not find it used.
void MeasureIdle(const BenchLab& lab, const std::vector<Case>& cases, double scale,
                 Results& results) {
  for (const Case& one : cases) {
    if (one.plan.idle == 0) continue;
    for (const auto& proxy : lab.proxies()) {
      std::cerr << one.key << ": " << proxy->name() << std::endl;
      MeasureOnce(lab, *proxy, one, scale, results);
    }
    if (cases.size() > 1) lab.Restart();
  }
}

std::string Explanation(const BenchLab& lab, Arms arms, const std::vector<Case>& cases) {
  std::string text = absl::StrCat(
      "CPU µs a request, user and system, of all threads and processes of a proxy: least (median) "
      "ratio of the\nmedians to haproxy in http mode with one thread (tcp_keepalive: in tcp mode); "
      "idle_kib: KiB a connection.\nPath: client - veth - bridge - veth - proxy, and ",
      arms == Arms::kTwo ? "another such from it" : "the same back",
      " to the origin; full frames "
      "and receive batching (GRO)\ntowards the proxy, segmentation offload from it, no pacing; koi "
      "with XDP in the driver of the clients' side.\nProxies on CPU ",
      lab.proxy_cpu(), ", client, origin and the wire on CPU ", lab.peers_cpu(),
      ": what the kernel does with packets before they\nare in a proxy's socket is nobody's here "
      "(`tools/bench steer` counts it).\n\n");
  for (const Case& one : cases) absl::StrAppendFormat(&text, "%-17s%s\n", one.key, one.title);
  return text;
}

}  // namespace

int RunTlsBench(const Options& options) {
  std::vector<Case> cases;
  for (const Case& one : Cases()) {
    if (options.cases.empty() || options.cases.count(one.key) > 0) cases.push_back(one);
  }
  const Arms arms = options.one_armed ? Arms::kOne : Arms::kTwo;
  const BenchLab lab(options.proxies, arms);
  Results results(options.proxies);
  const auto floor = CryptoFloor(lab.proxy_cpu());
  MeasureIdle(lab, cases, options.scale, results);
  for (int round = 0; round < options.rounds; ++round) {
    MeasureRound(lab, cases, round, options.scale, results);
  }

  std::cout << Explanation(lab, arms, cases) << '\n'
            << results.Table() << "\nCPU µs of OpenSSL alone:";
  nlohmann::json floor_json;
  for (const auto& [name, microseconds] : floor) {
    std::cout << "  " << name << absl::StrFormat(" %.1f", microseconds);
    floor_json[name] = microseconds;
  }
  std::cout << std::endl;
  if (options.json) {
    nlohmann::json json = results.ToJson();
    json["floor_us"] = floor_json;
    json["rounds"] = options.rounds;
    std::cout << json.dump() << std::endl;
  }
  return results.failed() ? 1 : 0;
}

}  // namespace koi::bench
