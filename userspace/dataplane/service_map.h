// SPDX-License-Identifier: Apache-2.0
// Map koi_services: what happens to a connection or datagram to a VIP's port.
#pragma once

#include <netinet/in.h>

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"
#include "config/config.h"

namespace koi {

struct ServicePort {
  uint32_t vip_number = 0;
  uint16_t port = 0;  // 0: any that has no service of its own (l4)
  uint8_t protocol = IPPROTO_TCP;

  auto operator<=>(const ServicePort&) const = default;
};

struct ServiceEntry {
  uint32_t vip_number = 0;
  uint16_t port = 0;
  ServiceMode mode = ServiceMode::kHttp;
  uint32_t number = 0;  // of the service
  std::string name = {};
  uint8_t protocol = IPPROTO_TCP;
  uint32_t pool = 0;  // of an l4 service: its number

  ServicePort where() const { return {vip_number, port, protocol}; }
};

class ServiceMap {
 public:
  explicit ServiceMap(Fd map_fd) : map_fd_(std::move(map_fd)) {}
  absl::Status Set(const ServiceEntry& service);
  // Absent is fine.
  absl::Status Remove(const ServicePort& port);
  absl::StatusOr<std::vector<ServiceEntry>> List() const;

 private:
  Fd map_fd_;
};

}  // namespace koi
