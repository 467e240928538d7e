// SPDX-License-Identifier: Apache-2.0
// What was measured of each proxy in each case, and how that is shown.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/cases.h"
#include "bench/load_plan.h"
#include "nlohmann/json.hpp"

namespace koi::bench {

// The middle one, or the mean of both in the middle; there is at least one.
double Median(std::vector<double> values);

class Results {
 public:
  // `proxies` in the order of the columns.
  explicit Results(std::vector<std::string> proxies) : proxies_(std::move(proxies)) {}

  void Add(const Case& one, const std::string& proxy, const LoadReport& report);
  // `proxy` has no figures in this case, whatever other rounds gave.
  void Fail(const std::string& key, const std::string& proxy, const std::string& why);

  bool failed() const { return !failures_.empty(); }
  // One row a case.
  std::string Table() const;
  nlohmann::json ToJson() const;

 private:
  // Samples by proxy and by case, or by case and latency: "paced_500_p50_us".
  using Samples = std::map<std::string, std::map<std::string, std::vector<double>>>;

  const std::vector<double>* Find(const std::string& proxy, const std::string& key) const;
  std::string Cell(const std::string& proxy, const std::string& key,
                   const std::string& baseline) const;
  // Of the medians; 0 when there is nothing to divide.
  double Ratio(const std::string& proxy, const std::string& key, const std::string& baseline) const;

  std::vector<std::string> proxies_;
  Samples samples_;
  std::map<std::string, std::string> failures_;  // "PROXY CASE": why
};

}  // namespace koi::bench
