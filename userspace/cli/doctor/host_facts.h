// SPDX-License-Identifier: Apache-2.0
// Everything about a host that `koi doctor` judges. Gathered by gather.cc; judged by checks.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "config/config.h"
#include "dataplane/kernel_features.h"
#include "net/device_features.h"
#include "net/netlink.h"
#include "protocol/control_messages.h"

namespace koi {

struct HostFacts {
  std::string interface = {};
  std::optional<Config> config = {};            // without one what depends on it is not judged
  std::vector<std::string> config_errors = {};  // why there is none, each with its place

  absl::Status interface_status = {};
  Interface link = {};
  DeviceFeatures device = {};
  // Of a veth whose other end is in this network namespace.
  std::string peer = {};
  std::optional<bool> peer_tx_checksum = {};
  int cpus = 0;  // that koi may use

  // nullopt: the kernel has no such setting. Of interfaces: those of "all" and of the interface.
  std::optional<int> rp_filter_all = {};
  std::optional<int> rp_filter = {};
  std::optional<int> arp_ignore_all = {};
  std::optional<int> arp_ignore = {};
  std::optional<int> tcp_keepalive_s = {};
  std::optional<int> conntrack_established_s = {};
  uint64_t checksum_errors = 0;  // of TCP and UDP, since the namespace exists

  std::vector<std::string> missing_capabilities = {};
  std::vector<std::string> missing_optional = {};
  bool may_mount = false;
  bool on_bpffs = false;
  std::string bpffs = {};
  absl::Status real_time = {};
  std::vector<KernelFeature> kernel = {};
  std::string kernel_release = {};
  absl::Status vips_free = {};

  // What the running koi says of itself, or why nobody answers.
  absl::Status koid = absl::UnavailableError("not asked");
  Stats stats = {};
};

}  // namespace koi
