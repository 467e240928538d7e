// SPDX-License-Identifier: Apache-2.0
// A worker whose services all write an access log.
#pragma once

#include <nlohmann/json.hpp>

#include "unit/worker/worker_fixture.h"

namespace koi {

using Json = nlohmann::json;

class AccessLogTest : public WorkerTest {
 protected:
  void SetUp() override {
    access_log_ = true;
    for (const auto& [number, name] : {std::pair(kWebPool, "web"), std::pair(kRawPool, "raw")}) {
      pools_.push_back({.number = number,
                        .name = name,
                        .timeouts = timeouts_,
                        .limits = limits_,
                        .has_tls = has_tls_,
                        .tls = tls_});
    }
    WorkerTest::SetUp();
  }
  // The next line, waited for.
  Json Line() {
    Eventually(kSoon, [&] {
      for (const std::string& line : worker_.AccessLines()) lines_.push_back(line);
      return !lines_.empty();
    });
    if (lines_.empty()) return Json();
    const Json json = Json::parse(lines_.front(), nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << lines_.front();
    lines_.erase(lines_.begin());
    return json;
  }

  // Of the pools.
  PoolTimeouts timeouts_ = {};
  PoolLimits limits_ = {};
  bool has_tls_ = false;
  WorkerPoolTls tls_ = {};
  std::vector<std::string> lines_;
};

}  // namespace koi
