// SPDX-License-Identifier: Apache-2.0
// Any bytes as a frame: the decoder stays within them, and what it accepts it would send.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "carp/advert.h"

namespace {

void Try(absl::string_view frame) {
  const koi::DecodedAdvert decoded = koi::DecodeAdvertFrame(frame);
  if (decoded.fault != koi::AdvertFault::kNone) {
    KOI_CHECK(!koi::AdvertFaultText(decoded.fault).empty());
    return;
  }
  KOI_CHECK(decoded.source.is_ip4());
  const koi::DecodedAdvert again = koi::DecodeAdvertFrame(
      koi::EncodeAdvertFrame({.mac = {}, .address = decoded.source}, decoded.advert));
  KOI_CHECK(again.fault == koi::AdvertFault::kNone);
  KOI_CHECK(koi::EncodeAdvert(again.advert) == koi::EncodeAdvert(decoded.advert));
  KOI_CHECK(again.vhid == decoded.vhid && again.source == decoded.source);
}

// Makes the checksum at `at` right for the `bytes` from `start` on, as far as `frame` has them.
void FixChecksum(std::string& frame, size_t at, size_t start, size_t bytes) {
  if (frame.size() < start + bytes) return;
  frame[at] = frame[at + 1] = 0;
  const uint16_t checksum = koi::InternetChecksum(absl::string_view(frame).substr(start, bytes));
  frame[at] = static_cast<char>(checksum >> 8);
  frame[at + 1] = static_cast<char>(checksum);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string frame(reinterpret_cast<const char*>(data), size);
  Try(frame);
  // Mutations hardly ever hit two checksums: right ones lead further.
  if (size > 14) {
    const size_t header_bytes = (data[14] & 0xf) * size_t{4};
    FixChecksum(frame, 14 + 10, 14, header_bytes < 20 ? 20 : header_bytes);
    FixChecksum(frame, 14 + header_bytes + 6, 14 + header_bytes, 36);
    Try(frame);
  }
  return 0;
}
