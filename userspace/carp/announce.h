// SPDX-License-Identifier: Apache-2.0
// Telling the neighbours where a VIP is now: gratuitous ARP, unsolicited neighbour advertisement.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/address.h"
#include "net/event_loop.h"
#include "net/mac_address.h"

namespace koi {

// The frame for one VIP: an ARP request for itself, as ucarp sends it, or, for IPv6, an
// advertisement to all nodes that overrides what they know.
std::string AnnouncementFrame(const MacAddress& mac, const Address& vip);

// Sends announcements again and again, ever more rarely: frames get lost, and switches that just
// brought a port up forward nothing for a while.
class Announcer {
 public:
  using SendFrame = std::function<void(absl::string_view frame)>;

  // `send` is called with each frame. `loop` must outlive the announcer.
  Announcer(EventLoop& loop, SendFrame send) : loop_(loop), send_(std::move(send)) {}

  // Sends `frames` now and in a series from now on, in the place of what it sent before.
  void Start(std::vector<std::string> frames);
  void Cancel() { timer_.Cancel(); }

 private:
  void SendAndGoOn();

  EventLoop& loop_;
  SendFrame send_;
  std::vector<std::string> frames_;
  TimePoint began_;
  size_t sent_ = 0;  // how many times, of the series
  EventLoop::Timer timer_;
};

}  // namespace koi
