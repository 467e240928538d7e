// SPDX-License-Identifier: Apache-2.0
// The lab of a benchmark: client and origin on one CPU, proxies on another.
//
//   client ──┬── koi ─────┬── origin      each proxy on its own host, all on the proxies' CPU, one
//            ├── haproxy ─┤               of them busy at a time; origin on the clients' network
//            └── ... ─────┘               where there is but one
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/load_plan.h"
#include "bench/proxy.h"
#include "support/lab/lab.h"

namespace koi::bench {

class BenchLab {
 public:
  // With the proxies of those names, started.
  BenchLab(const std::vector<std::string>& proxies, Arms arms);

  const std::vector<std::unique_ptr<Proxy>>& proxies() const { return proxies_; }
  int proxy_cpu() const { return settings_.cpu; }
  int peers_cpu() const { return settings_.peers_cpu; }
  const lab::Lab& lab() const { return lab_; }

  // Runs `plan` from the client against what `proxy` offers there. Its processes are watched, after
  // those that the plan has.
  LoadReport Measure(const Proxy& proxy, Offer offer, LoadPlan plan) const;
  // Ends all proxies and starts them anew; returns once all serve.
  void Restart() const;

 private:
  std::unique_ptr<Proxy> Make(const std::string& name);
  void Start() const;
  void AwaitService(const Proxy& proxy) const;

  lab::Lab lab_;
  lab::Host& client_;
  lab::Host& origin_host_;
  ProxySettings settings_;
  lab::Process origin_;
  std::vector<std::unique_ptr<Proxy>> proxies_;
};

}  // namespace koi::bench
