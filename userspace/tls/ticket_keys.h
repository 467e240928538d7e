// SPDX-License-Identifier: Apache-2.0
// The keys of session tickets: which there are at a time. Three, so that processes and hosts which
// hear of a change at different moments understand each other: the one before, the one that new
// tickets get, and the one after.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/time.h"

namespace koi {

struct TicketKey {
  std::array<uint8_t, 16> name = {};  // stands in the ticket
  std::array<uint8_t, 32> cipher = {};
  std::array<uint8_t, 32> mac = {};

  bool operator==(const TicketKey&) const = default;
};

struct TicketKeys {
  TicketKey previous = {};
  TicketKey current = {};
  TicketKey next = {};

  bool operator==(const TicketKeys&) const = default;
};

// As bytes, for other processes. DataLoss when `bytes` are no keys.
std::string EncodeTicketKeys(const TicketKeys& keys);
absl::StatusOr<TicketKeys> DecodeTicketKeys(absl::string_view bytes);

// Which keys hold when. Time is the wall clock's, in seconds since 1970, in epochs of `rotation`:
// hosts that share a secret must agree on it.
class TicketKeyring {
 public:
  // Derived: the same on every host with this `secret` and `rotation`.
  static TicketKeyring Shared(absl::string_view secret, Duration rotation, int64_t now_s);
  // Random, known nowhere else.
  static TicketKeyring Random(Duration rotation, int64_t now_s);
  // What Encode() gave, if it is of the same secret and rotation; else as the two above.
  static TicketKeyring Continue(absl::string_view encoded, absl::string_view secret,
                                Duration rotation, int64_t now_s);

  const TicketKeys& keys() const { return keys_; }
  // When they change next.
  int64_t next_change_s() const { return (epoch_ + 1) * rotation_s_; }
  // To `now_s`; whether they have changed. A clock that goes back changes derived keys back; random
  // ones stay.
  bool Advance(int64_t now_s);
  // For a process after this one.
  std::string Encode() const;

 private:
  TicketKeyring(absl::string_view secret, Duration rotation, int64_t now_s);
  TicketKey KeyOf(int64_t epoch) const;

  std::string secret_;  // "": random
  int64_t rotation_s_;
  int64_t epoch_;
  TicketKeys keys_;
};

}  // namespace koi
