// SPDX-License-Identifier: Apache-2.0
// The cases: each takes about a second a proxy on a quiet machine.
#include "bench/cases.h"

#include <algorithm>

namespace koi::bench {

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"full_ecdsa",
       "full handshake, ECDSA P-256, and a request",
       Offer::kEcdsa,
       "haproxy",
       {.fresh = true, .requests = 1500, .connections = 16}},
      {"full_rsa",
       "full handshake, RSA 2048, and a request",
       Offer::kRsa,
       "haproxy",
       {.fresh = true, .requests = 1000, .connections = 16}},
      {"resumed",
       "resumed handshake (ticket, psk_dhe), and a request",
       Offer::kEcdsa,
       "haproxy",
       {.fresh = true, .resume = true, .requests = 1500, .connections = 16}},
      {"keepalive_1k",
       "1 KiB on a kept connection",
       Offer::kEcdsa,
       "haproxy",
       {.requests = 30'000, .connections = 32}},
      {"body_100k",
       "100 KiB on a kept connection",
       Offer::kEcdsa,
       "haproxy",
       {.path = "/102400", .body_bytes = 102'400, .requests = 5000, .connections = 16}},
      {"bulk_10m",
       "10 MiB on a kept connection",
       Offer::kEcdsa,
       "haproxy",
       {.path = "/10485760", .body_bytes = 10'485'760, .requests = 60, .connections = 4}},
      {"websocket",
       "WebSocket message of 512 bytes and its echo",
       Offer::kEcdsa,
       "haproxy",
       {.websocket = true, .requests = 30'000, .connections = 32}},
      {"tcp_keepalive",
       "1 KiB on a kept connection, tcp mode",
       Offer::kTunnel,
       "haproxy_tcp",
       {.requests = 30'000, .connections = 32}},
      {"plain_keepalive",
       "1 KiB on a kept connection without TLS",
       Offer::kPlain,
       "haproxy",
       {.tls = false, .requests = 40'000, .connections = 32}},
      {"paced_500",
       "1 KiB at 500 requests a second on 32 connections",
       Offer::kEcdsa,
       "haproxy",
       {.requests = 1000, .connections = 32, .rate = 500}},
      {"idle_kib",
       "memory of an idle connection after a request, 5,000 of them",
       Offer::kEcdsa,
       "haproxy",
       {.connections = 32, .idle = 5000}},
  };
  return cases;
}

LoadPlan Scaled(LoadPlan plan, double scale) {
  const auto scaled = [scale](double count) { return std::max(count * scale, 1.0); };
  plan.requests = static_cast<uint64_t>(scaled(static_cast<double>(plan.requests)));
  if (plan.idle > 0) plan.idle = static_cast<int>(scaled(plan.idle));
  return plan;
}

}  // namespace koi::bench
