// SPDX-License-Identifier: Apache-2.0
// The addresses of this host, and when they change.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/address.h"
#include "base/fd.h"

namespace koi {

class HostAddresses {
 public:
  static absl::StatusOr<HostAddresses> Watch();

  // Of all interfaces, without loopback's own.
  absl::StatusOr<std::vector<Address>> Read() const;

  int fd() const { return netlink_.get(); }  // readable when they may have changed
  void ForgetChanges();                      // then read them again

 private:
  explicit HostAddresses(Fd netlink) : netlink_(std::move(netlink)) {}
  Fd netlink_;
};

}  // namespace koi
