// SPDX-License-Identifier: Apache-2.0
// What a network device can do and what of it is on, as ethtool(8) shows it: by ioctl(2) and
// generic netlink. Reading needs no privilege.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace koi {

// nullopt: the device or the kernel does not say.
struct DeviceFeatures {
  std::string driver = {};
  std::optional<int> mtu = {};
  std::optional<int> receive_queues = {};
  std::optional<int> receive_queues_max = {};
  std::optional<bool> lro = {};
  std::optional<bool> gro = {};
  std::optional<bool> tx_checksum = {};
  // What its driver does of XDP (Linux 6.3 and later).
  struct Xdp {
    bool basic = false;  // runs programs: driver mode
    bool redirect = false;
    bool transmit_here = false;  // takes frames that are redirected to it
  };
  std::optional<Xdp> xdp = {};
  int veth_peer = 0;  // of a veth: the index of its other end, wherever that is; 0: unknown
};

// Of the interface `name` in this network namespace; NotFound when there is none.
absl::StatusOr<DeviceFeatures> ReadDeviceFeatures(const std::string& name);

}  // namespace koi
