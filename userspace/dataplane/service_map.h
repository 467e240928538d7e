// SPDX-License-Identifier: Apache-2.0
// Map koi_services: what happens to a connection to a VIP's port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "config/config.h"

namespace koi {

struct ServiceEntry {
  uint32_t vip_number = 0;
  uint16_t port = 0;
  ServiceMode mode = ServiceMode::kHttp;
  uint32_t number = 0;  // of the service
  std::string name = {};
};

class ServiceMap {
 public:
  explicit ServiceMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  absl::Status Set(const ServiceEntry& service);
  // Absent is fine.
  absl::Status Remove(uint32_t vip_number, uint16_t port);
  absl::StatusOr<std::vector<ServiceEntry>> List() const;

 private:
  Fd map_fd_;
};

}  // namespace koi
