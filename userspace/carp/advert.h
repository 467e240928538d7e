// SPDX-License-Identifier: Apache-2.0
// A CARP advert (version 2) in its IPv4 packet in its Ethernet frame: bytes to values and back.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/address.h"
#include "carp/authentication.h"
#include "net/mac_address.h"

namespace koi {

constexpr uint8_t kCarpProtocol = 112;  // the number of VRRP too
constexpr MacAddress kCarpGroupMac = {0x01, 0x00, 0x5e, 0x00, 0x00, 0x12};
constexpr size_t kAdvertBytes = 36;

// 224.0.0.18
Address CarpGroupAddress();

struct Advert {
  uint8_t vhid = 0;
  uint8_t advbase = 0;  // seconds; 255 with advskew 255: the sender leaves
  uint8_t advskew = 0;  // 1/256 seconds
  uint8_t demote = 0;   // OpenBSD's demotion counter; 0 from all others
  uint64_t counter = 0;
  AdvertDigest digest = {};
};

// The 36 bytes.
std::string EncodeAdvert(const Advert& advert);

struct AdvertOrigin {
  MacAddress mac = {};
  Address address;  // IPv4
  uint16_t ip_id = 0;
};

// The whole frame to the group.
std::string EncodeAdvertFrame(const AdvertOrigin& origin, const Advert& advert);

// What is wrong with a frame, in the order in which it is looked at.
#define KOI_ADVERT_FAULTS(X)                                            \
  X(kNone, "none")                                                      \
  X(kNotCarp, "not IPv4 protocol 112 to 224.0.0.18")                    \
  X(kTruncated, "ends inside a header")                                 \
  X(kFragment, "a fragment")                                            \
  X(kIpChecksum, "wrong IP checksum")                                   \
  X(kVersion, "not CARP version 2 (VRRP has the same protocol number)") \
  X(kTtl, "TTL is not 255: it was routed")                              \
  X(kChecksum, "wrong CARP checksum")

enum class AdvertFault {
#define KOI_AS_ENUMERATOR(name, help) name,
  KOI_ADVERT_FAULTS(KOI_AS_ENUMERATOR)
#undef KOI_AS_ENUMERATOR
};

absl::string_view AdvertFaultText(AdvertFault fault);

struct DecodedAdvert {
  AdvertFault fault = AdvertFault::kNone;
  uint8_t vhid = 0;  // also with a fault, so that the group can count it; 0 when it cannot be read
  Address source;
  Advert advert;  // only when there is no fault; its digest is not verified
};

// Type, authlen and trailing bytes are not looked at and IP options are accepted, as by all known
// implementations.
DecodedAdvert DecodeAdvertFrame(absl::string_view frame);

}  // namespace koi
