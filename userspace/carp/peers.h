// SPDX-License-Identifier: Apache-2.0
// The other hosts of a group, as far as they were heard.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/address.h"
#include "base/time.h"
#include "protocol/carp_messages.h"

namespace koi {

class Peers {
 public:
  // A valid advert came. Beyond kMax hosts the one not heard for longest is forgotten.
  void Heard(const Address& source, uint8_t advbase, uint8_t advskew, TimePoint now);

  std::vector<CarpPeer> List(TimePoint now) const;

 private:
  static constexpr size_t kMax = 16;
  struct Peer {
    uint8_t advbase;
    uint8_t advskew;
    TimePoint heard;
  };
  absl::flat_hash_map<Address, Peer> peers_;
};

// Hosts whose adverts have a wrong digest.
class MismatchedSenders {
 public:
  // One came. Beyond kMax senders the one not heard for longest is forgotten.
  void Heard(const Address& source, TimePoint now);
  // A right one came: it was set right.
  void Forget(const Address& source) { senders_.erase(source); }

  std::vector<CarpMismatch> List(TimePoint now) const;

 private:
  static constexpr size_t kMax = 16;
  struct Sender {
    uint64_t adverts = 0;
    TimePoint heard = {};
  };
  absl::flat_hash_map<Address, Sender> senders_;
};

// Lets a warning about one sender through every ten seconds: senders must not write our log.
class WarningLimit {
 public:
  bool Allows(const Address& source, TimePoint now);

 private:
  static constexpr size_t kMax = 64;  // senders remembered; beyond that all share one allowance
  absl::flat_hash_map<Address, TimePoint> warned_;
};

}  // namespace koi
