// SPDX-License-Identifier: Apache-2.0
// A timer, and the wall clock: hosts that share a secret have only that in common.
#include "manager/ticket_rotation.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace koi {
namespace {

// The wall clock may be set: it is looked at so often.
constexpr Duration kLongestWait = std::chrono::seconds(10);

int64_t WallSeconds() { return absl::ToUnixSeconds(absl::Now()); }

}  // namespace

void TicketRotation::Begin(const TicketConfig& config, absl::string_view kept) {
  config_ = config;
  ring_ = TicketKeyring::Continue(kept, config.secret, config.rotation, WallSeconds());
  Tell();
  Wait();
}

void TicketRotation::Follow(const TicketConfig& config) {
  if (config.secret == config_.secret && config.rotation == config_.rotation) return;
  Begin(config, "");
}

void TicketRotation::Tell() {
  workers_.SetTicketKeys(EncodeTicketKeys(ring_->keys()));
  keep_(ring_->Encode());
}

void TicketRotation::Wait() {
  const std::chrono::seconds left(std::max<int64_t>(1, ring_->next_change_s() - WallSeconds()));
  timer_ = loop_.After(std::min<Duration>(left, kLongestWait), [this] {
    if (ring_->Advance(WallSeconds())) Tell();
    Wait();
  });
}

}  // namespace koi
