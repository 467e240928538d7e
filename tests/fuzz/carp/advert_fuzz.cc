// SPDX-License-Identifier: Apache-2.0
// Any bytes as a frame: the decoder stays within them, and what it accepts it would send.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "carp/advert.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const koi::DecodedAdvert decoded =
      koi::DecodeAdvertFrame({reinterpret_cast<const char*>(data), size});
  if (decoded.fault != koi::AdvertFault::kNone) {
    KOI_CHECK(!koi::AdvertFaultText(decoded.fault).empty());
    return 0;
  }
  KOI_CHECK(decoded.source.is_ip4());
  const koi::DecodedAdvert again = koi::DecodeAdvertFrame(
      koi::EncodeAdvertFrame({.mac = {}, .address = decoded.source}, decoded.advert));
  KOI_CHECK(again.fault == koi::AdvertFault::kNone);
  KOI_CHECK(koi::EncodeAdvert(again.advert) == koi::EncodeAdvert(decoded.advert));
  KOI_CHECK(again.vhid == decoded.vhid && again.source == decoded.source);
  return 0;
}
