// SPDX-License-Identifier: Apache-2.0
// The HMAC of CARP adverts. It covers the group's number, its addresses and a counter, nothing
// else: advbase and advskew are not protected.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/address.h"
#include "config/config.h"

namespace koi {

using AdvertDigest = std::array<uint8_t, 20>;

class AdvertAuthenticator {
 public:
  // `password` has 1 to 20 bytes; InvalidArgument otherwise. With CarpHash::kFirst only the first
  // IPv4 address of `vips` is covered, as ucarp does; a group without one has no ucarp to agree
  // with and covers all.
  static absl::StatusOr<AdvertAuthenticator> Create(absl::string_view password, uint8_t vhid,
                                                    CarpHash hash,
                                                    const std::vector<Address>& vips);

  AdvertDigest Sign(uint64_t counter) const;
  // Takes the same time for every wrong digest.
  bool Verify(uint64_t counter, const AdvertDigest& digest) const;
  // Whether both sign the same.
  bool operator==(const AdvertAuthenticator& other) const = default;

 private:
  AdvertAuthenticator(absl::string_view password, std::string signed_head,
                      std::string accepted_head)
      : password_(password),
        signed_head_(std::move(signed_head)),
        accepted_head_(std::move(accepted_head)) {}

  std::string password_;
  std::string signed_head_;    // what is hashed before the counter
  std::string accepted_head_;  // the same without link-local addresses: OpenBSD leaves them out
};

}  // namespace koi
