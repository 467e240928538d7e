// SPDX-License-Identifier: Apache-2.0
// A worker with one service of each kind, and the pools they use.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "unit/worker/test_peer.h"
#include "unit/worker/worker_process.h"

namespace koi {

class WorkerTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kWebPool = 0;
  static constexpr uint32_t kRawPool = 1;
  static constexpr uint32_t kNewPool = 2;

  void SetUp() override;

  // The services.
  Endpoint http() const { return worker_.At(1); }
  Endpoint https() const { return worker_.At(2); }
  Endpoint redirect() const { return worker_.At(3); }
  Endpoint tcp() const { return worker_.At(4); }
  Endpoint tls() const { return worker_.At(5); }
  Endpoint welcome() const { return worker_.At(6); }
  Endpoint http_ip6() const { return worker_.AtIp6(); }

  // What one GET on a connection of its own is answered.
  TestPeer::Message Get(const Endpoint& service, const std::string& headers = "");
  // What these raw bytes are answered, until the worker closes.
  std::string Answer(const std::string& bytes);

  // To be set before SetUp().
  bool access_log_ = false;             // of all services
  std::vector<WorkerPool> pools_ = {};  // those that are told

  MadeCertificate certificate_ = MakeCertificate("koi.example");
  WorkerProcess worker_;
};

inline constexpr char kGet[] = "GET / HTTP/1.1\r\nHost: koi.example\r\n\r\n";
inline constexpr std::chrono::seconds kSoon(10);

}  // namespace koi
