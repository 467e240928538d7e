// SPDX-License-Identifier: Apache-2.0
// The maps of l4 services beside their rings: koi_pools (how each pool forwards), koi_forwarded
// (what each backend got) and koi_devices (where packets may leave).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "config/l4_options.h"

namespace koi {

struct L4PoolEntry {
  uint32_t number = 0;
  L4PoolOptions options = {};
  std::string name = {};

  bool operator==(const L4PoolEntry&) const = default;
};

class L4PoolMap {
 public:
  explicit L4PoolMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  absl::Status Set(const L4PoolEntry& pool);
  absl::Status Remove(uint32_t number);
  absl::StatusOr<std::vector<L4PoolEntry>> List() const;

 private:
  Fd map_fd_;
};

struct ForwardedFigures {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t new_flows = 0;
};

class ForwardedMap {
 public:
  explicit ForwardedMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  // The sum over all CPUs; `backend` is its number.
  absl::StatusOr<ForwardedFigures> Read(uint32_t backend) const;
  // Makes it 0: the number is given to another backend.
  absl::Status Clear(uint32_t backend);

 private:
  Fd map_fd_;
};

class DeviceMap {
 public:
  explicit DeviceMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  // `ifindex` is one that is there.
  absl::Status Set(uint32_t ifindex);
  // Absent is fine: the kernel removes what goes.
  absl::Status Remove(uint32_t ifindex);
  absl::StatusOr<std::vector<uint32_t>> List() const;

 private:
  Fd map_fd_;
};

}  // namespace koi
