// SPDX-License-Identifier: Apache-2.0
// Statistics of a host with one worker, one pool of one backend and one VIP.
#pragma once

#include "protocol/control_messages.h"

namespace koi {

inline Stats SampleStats() {
  Stats stats;
  stats.node = "blue";
  stats.version = "0.1.0";
  stats.role = "master";
  stats.since = "2026-01-02T03:04:05Z";
  stats.uptime_ms = 12'500;
  stats.interface = "eth0";
  stats.xdp = {.attached = true, .mode = "native", .why = "the driver takes XDP"};
  stats.cpus = {{.cpu = 1,
                 .pid = 77,
                 .state = "serving",
                 .starts = 1,
                 .steered = 10,
                 .steered_packets = 100,
                 .accepted = 9,
                 .misplaced = 0,
                 .handshakes = 8,
                 .handshake_failures = 1,
                 .connections = 3,
                 .requests = 20,
                 .errors = 2,
                 .bytes_in = 1000,
                 .bytes_out = 2000}};
  stats.services = {{.name = "web",
                     .mode = "http",
                     .tls = "terminate",
                     .listen = {"10.0.0.1:443"},
                     .pool = "web",
                     .backends_up = 1,
                     .backends = 1,
                     .connections = 3,
                     .requests = 20,
                     .responses = {{0, 15, 0, 4, 1}},
                     .handshakes = 8,
                     .handshakes_tls13 = 6,
                     .total_time = {.count = 20, .sum_us = 3000, .buckets = {1, 4, 15, 0}}}};
  stats.pools = {{.name = "web",
                  .balance = "round-robin",
                  .backends = {{.name = "web-1",
                                .address = "10.0.0.2:80",
                                .admin = "enabled",
                                .health = "up",
                                .why = "",
                                .origin = "file",
                                .weight = 100,
                                .connections = 4,
                                .connections_total = 40,
                                .requests = 50,
                                .errors = 5,
                                .bytes_in = 500,
                                .bytes_out = 600,
                                .max_connections = 10,
                                .responses = {{0, 41, 0, 0, 0}},
                                .retries = 2}},
                  .queued = 6}};
  stats.vips = {{.address = "10.0.0.1",
                 .vhid = 42,
                 .role = "master",
                 .present = true,
                 .packets = 110,
                 .bytes = 9000}};
  stats.verdicts = {{.name = "STEERED", .action = "redirect", .packets = 100},
                    {.name = "BAD_FLAGS", .action = "drop", .packets = 7}};
  CarpGroupReport group;
  group.vhid = 42;
  group.role = CarpRole::kMaster;
  group.adverts_sent = 12;
  group.bad_authentication = 2;
  stats.carp = {group};
  stats.certificates = {{.service = "web", .name = "koi.example", .until_s = 1'800'000'000},
                        {.pool = "web", .name = "koi.example", .until_s = 1'900'000'000}};
  stats.access_log = {.written = 19, .dropped = 1};
  return stats;
}

}  // namespace koi
