// SPDX-License-Identifier: Apache-2.0
// Real connections and datagrams through a lab: a server that sends back what it gets, and clients
// that compare each byte.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/fd.h"
#include "base/time.h"
#include "support/lab/host.h"

namespace koi::lab {

// One thread on a host: TCP on every address, UDP on those given (so that it answers from them).
class EchoServer {
 public:
  EchoServer(const Host& host, uint16_t port, const std::vector<std::string>& udp_addresses);
  ~EchoServer();

  // Connections that have sent something and are open.
  int connections() const { return connections_; }

 private:
  void Serve();

  std::vector<Fd> sockets_;
  Fd stop_;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

struct TransferPlan {
  Endpoint to = {};
  int connections = 1;
  uint64_t bytes_each = 0;  // then they close; 0: until Stop()
  size_t chunk = 1 << 16;   // sent, and when it has come back
  Duration pause = {};      // after that, the next one
};

struct TransferReport {
  uint64_t bytes = 0;  // that came back as they were sent
  int broken = 0;      // reset, closed, refused, timed out, or other bytes
  int finished = 0;
  std::string why = {};  // of those that broke, how the first did
};

// One thread on a host, with all the plan's connections.
class Transfers {
 public:
  Transfers(const Host& host, const TransferPlan& plan);
  ~Transfers() { Stop(); }

  TransferReport SoFar() const;
  // Whether all have finished or broken within `limit`.
  bool Wait(Duration limit) const;
  TransferReport Stop();

 private:
  struct Connection;
  void Run();
  void Step(Connection& connection);
  void Break(Connection& connection, const std::string& why);

  const TransferPlan plan_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> bytes_ = 0;
  std::atomic<int> broken_ = 0;
  std::atomic<int> finished_ = 0;
  std::string why_;  // of the thread, until it has ended
  std::thread thread_;
};

// Sends `each` datagrams from each of `flows` sockets of `host`, one at a time; how many came back
// as they were sent. One that does not within half a second is sent once more.
int EchoDatagrams(const Host& host, const Endpoint& to, int flows, int each);

}  // namespace koi::lab
