// SPDX-License-Identifier: Apache-2.0
// Maps koi_vips and koi_vip_stats: the addresses koi answers for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/address.h"
#include "base/fd.h"

namespace koi {

struct VipEntry {
  Address address;
  uint32_t number = 0;  // of the VIP
  uint32_t group = 0;   // number of its group
  // What services it has: of workers, of koi_xdp, one of these for any port.
  bool local = false;
  bool l4 = false;
  bool any_port = false;
};

class VipMap {
 public:
  // Takes over a map whose shape the loader has checked.
  explicit VipMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}

  // Adds `vip`, or changes it. Packets see it from the next lookup on. ResourceExhausted when the
  // map is full.
  absl::Status Set(const VipEntry& vip);
  // Removing an absent VIP is not an error: the caller wanted it gone.
  absl::Status Remove(const Address& vip);
  absl::StatusOr<std::vector<VipEntry>> List() const;

 private:
  Fd map_fd_;
};

struct VipTraffic {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t new_flows = 0;  // of its l4 services
};

class VipStatsMap {
 public:
  explicit VipStatsMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  // The sum over all CPUs.
  absl::StatusOr<VipTraffic> Read(uint32_t vip_number) const;
  // Makes it 0: the number is given to another VIP.
  absl::Status Clear(uint32_t vip_number);

 private:
  Fd map_fd_;
};

}  // namespace koi
