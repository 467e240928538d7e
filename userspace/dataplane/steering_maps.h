// SPDX-License-Identifier: Apache-2.0
// The maps that bring a flow to its worker: koi_settings (which CPUs), koi_cpus, koi_listeners, and
// koi_steered, which counts.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/address.h"
#include "base/fd.h"
#include "base/time.h"
#include "config/config.h"

namespace koi {

// Where packets to backends in tunnels come from: `addr`, with the bits of `spread` in its last 32
// replaced by the flow's.
struct TunnelSource {
  Address address = {};  // ::: there is none
  uint32_t spread = 0;

  bool operator==(const TunnelSource&) const = default;
};

// What koi_xdp knows for l4 services.
struct L4Settings {
  uint64_t ring_seed = 0;  // the same on both hosts
  std::array<uint64_t, 2> flow_keys = {};
  TunnelSource tunnel4 = {};
  TunnelSource tunnel6 = {};
  Address own_ip4 = {};  // ::: the interface has none
  Address own_ip6 = {};
  uint32_t icmp_per_second = 0;  // of each CPU
  Duration idle_tcp = {};
  Duration idle_udp = {};
  Duration handshake = {};
  Duration full = {};

  bool operator==(const L4Settings&) const = default;
};

struct Settings {
  XdpSteer steer = XdpSteer::kAlways;
  uint32_t hash_seed = 0;
  std::array<uint8_t, 6> own_mac = {};
  std::vector<int> cpus;        // that have a worker, ascending
  int64_t clock_offset_ns = 0;  // 0 outside tests
  bool deny = false;            // koi_deny4 or koi_deny6 has an entry
  L4Settings l4 = {};

  bool operator==(const Settings&) const = default;
};

class SettingsMap {
 public:
  explicit SettingsMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  absl::Status Write(const Settings& settings);
  absl::StatusOr<Settings> Read() const;

 private:
  Fd map_fd_;
};

class CpuMap {
 public:
  explicit CpuMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  // Packets may be sent to `cpu`, whose queue holds `queue_packets`. NotFound when the machine has
  // no such CPU.
  absl::Status Set(int cpu, uint32_t queue_packets = 2048);
  absl::Status Remove(int cpu);

 private:
  Fd map_fd_;
};

enum class ListenerFamily { kIp4, kIp6 };

class ListenerMap {
 public:
  explicit ListenerMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  absl::Status Set(int cpu, ListenerFamily family, int listener_fd);
  // Absent is fine.
  absl::Status Remove(int cpu, ListenerFamily family);

 private:
  Fd map_fd_;
};

struct SteeredFigures {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t connections = 0;
};

class SteeredMap {
 public:
  explicit SteeredMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  // The sum over all sending CPUs.
  absl::StatusOr<SteeredFigures> Read(int cpu) const;

 private:
  Fd map_fd_;
};

}  // namespace koi
