// SPDX-License-Identifier: Apache-2.0
// A lab for l4 services: koi hosts in front of backends that have the VIPs too and answer clients
// themselves.
//
//   client ──┬── blue    koi, preferred     VIPs 10.9.0.110 and fd00:9::110 on the master
//            ├── red     koi
//            └── pass-1, pass-2, pass-3     an echo server each, the VIPs on lo; koi-decap where
//            packets
//                                           come in packets
//
// Pools, all with the same backends: "dsr" (port 9001), "tunnel4" (9002), "tunnel6" (9003); ports
// of TCP and UDP.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/lab/balancer.h"
#include "support/lab/echo.h"
#include "support/lab/lab.h"

namespace koi::lab {

constexpr char kL4Vip4[] = "10.9.0.110";
constexpr char kL4Vip6[] = "fd00:9::110";
constexpr uint16_t kDsrPort = 9001;
constexpr uint16_t kTunnel4Port = 9002;
constexpr uint16_t kTunnel6Port = 9003;

class L4Backend {
 public:
  // Adds the host and starts all that belongs to it.
  L4Backend(Lab& lab, const std::string& name);

  const std::string& name() const { return host_.name(); }
  Host& host() { return host_; }
  // On all ports.
  int connections() const;
  // Pulls its cable: for everybody else it is dead.
  void Kill();

 private:
  Lab& lab_;
  Host& host_;
  std::vector<std::unique_ptr<EchoServer>> servers_;
  Process decap_;
};

class L4Lab {
 public:
  L4Lab();

  // Blue; true once it is master and every backend is up. Then red beside it, as backup.
  bool StartBlue();
  bool StartBoth();

  // The address of backend `number`, from 0, in `pool`.
  std::string AddressOf(const std::string& pool, size_t number) const;

  static Endpoint Vip4(uint16_t port);
  static Endpoint Vip6(uint16_t port);

  Lab lab;
  Host& client;
  std::vector<std::unique_ptr<L4Backend>> backends;
  Balancer blue;
  Balancer red;

 private:
  static std::string Configuration(const L4Lab& lab);
};

}  // namespace koi::lab
