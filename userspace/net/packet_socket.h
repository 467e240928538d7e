// SPDX-License-Identifier: Apache-2.0
// Whole Ethernet frames on one interface, past the kernel's stack (AF_PACKET). Needs NET_RAW.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"
#include "net/mac_address.h"

namespace koi {

class PacketSocket {
 public:
  struct Options {
    int interface_index = 0;
    uint16_t ether_type = 0;               // of the frames received; 0: none, the socket only sends
    std::vector<sock_filter> filter = {};  // classic BPF over the frame; empty: all
    std::vector<MacAddress> groups =
        {};  // multicast addresses that the interface lets in meanwhile
  };

  // Frames that this host sends are not received.
  static absl::StatusOr<PacketSocket> Open(const Options& options);

  // Unavailable when the interface is down, NotFound when it is gone, ResourceExhausted when its
  // queue is full.
  absl::Status Send(absl::string_view frame) const;
  // The next frame, cut at kMaxFrameBytes. DeadlineExceeded when there is none yet.
  absl::StatusOr<std::string> Receive() const;

  int fd() const { return fd_.get(); }

 private:
  static constexpr size_t kMaxFrameBytes = 2048;

  PacketSocket(Fd fd, int interface_index)
      : fd_(std::move(fd)), interface_index_(interface_index) {}

  Fd fd_;
  int interface_index_;
};

}  // namespace koi
