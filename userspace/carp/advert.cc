// SPDX-License-Identifier: Apache-2.0
// Encoding, and decoding with one reason for each refusal.
#include "carp/advert.h"

#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace koi {
namespace {

constexpr uint8_t kVersionAndType = 0x21;
constexpr uint8_t kAuthenticationWords = 7;  // counter and digest
constexpr uint16_t kEtherTypeIp4 = 0x0800;
constexpr size_t kIp4HeaderBytes = 20;
constexpr uint16_t kDontFragment = 0x4000;
constexpr uint16_t kFragmentMask = 0x3fff;  // more fragments, and the offset
constexpr uint8_t kLowDelay = 0x10;         // what ucarp sets
constexpr uint8_t kTtl = 255;

std::string WithChecksumAt(std::string bytes, size_t offset) {
  const uint16_t checksum = InternetChecksum(bytes);
  bytes[offset] = static_cast<char>(checksum >> 8);
  bytes[offset + 1] = static_cast<char>(checksum);
  return bytes;
}

std::string Ip4Header(const AdvertOrigin& origin) {
  ByteWriter ip;
  ip.U8(0x45);
  ip.U8(kLowDelay);
  ip.U16(kIp4HeaderBytes + kAdvertBytes);
  ip.U16(origin.ip_id);
  ip.U16(kDontFragment);
  ip.U8(kTtl);
  ip.U8(kCarpProtocol);
  ip.U16(0);
  ip.Bytes(origin.address.wire());
  ip.Bytes(CarpGroupAddress().wire());
  return WithChecksumAt(ip.Take(), 10);
}

Advert ReadAdvert(absl::string_view bytes) {
  ByteReader reader(bytes);
  Advert advert;
  reader.U8();  // version and type, judged by the caller
  advert.vhid = reader.U8();
  advert.advskew = reader.U8();
  reader.U8();  // authlen
  advert.demote = reader.U8();
  advert.advbase = reader.U8();
  reader.U16();  // checksum, judged by the caller
  advert.counter = reader.U64();
  const absl::string_view digest = reader.Bytes(advert.digest.size());
  KOI_CHECK(reader.ok());
  std::memcpy(advert.digest.data(), digest.data(), digest.size());
  return advert;
}

}  // namespace

Address CarpGroupAddress() { return Address::FromWire(absl::string_view("\xe0\x00\x00\x12", 4)); }

absl::string_view AdvertFaultText(AdvertFault fault) {
  switch (fault) {
#define KOI_AS_TEXT(name, help) \
  case AdvertFault::name: return help;
    KOI_ADVERT_FAULTS(KOI_AS_TEXT)
#undef KOI_AS_TEXT
  }
  KOI_UNREACHABLE();
}

std::string EncodeAdvert(const Advert& advert) {
  ByteWriter bytes;
  bytes.U8(kVersionAndType);
  bytes.U8(advert.vhid);
  bytes.U8(advert.advskew);
  bytes.U8(kAuthenticationWords);
  bytes.U8(advert.demote);
  bytes.U8(advert.advbase);
  bytes.U16(0);
  bytes.U64(advert.counter);
  bytes.Bytes({reinterpret_cast<const char*>(advert.digest.data()), advert.digest.size()});
  return WithChecksumAt(bytes.Take(), 6);
}

std::string EncodeAdvertFrame(const AdvertOrigin& origin, const Advert& advert) {
  KOI_CHECK(origin.address.is_ip4());
  ByteWriter frame;
  frame.Bytes(MacBytes(kCarpGroupMac));
  frame.Bytes(MacBytes(origin.mac));
  frame.U16(kEtherTypeIp4);
  frame.Bytes(Ip4Header(origin));
  frame.Bytes(EncodeAdvert(advert));
  return frame.Take();
}

DecodedAdvert DecodeAdvertFrame(absl::string_view frame) {
  DecodedAdvert decoded;
  const auto refuse = [&](AdvertFault fault) {
    decoded.fault = fault;
    return decoded;
  };

  ByteReader ethernet(frame);
  ethernet.Bytes(12);  // the group's MAC or the broadcast one; the IP address decides
  if (ethernet.U16() != kEtherTypeIp4) return refuse(AdvertFault::kNotCarp);
  const absl::string_view packet = ethernet.rest();

  ByteReader ip(packet);
  const uint8_t version_and_words = ip.U8();
  ip.U8();  // type of service
  const size_t total_bytes = ip.U16();
  ip.U16();  // id
  const uint16_t fragment = ip.U16();
  const uint8_t ttl = ip.U8();
  const uint8_t protocol = ip.U8();
  ip.U16();  // checksum: judged over the whole header
  const absl::string_view source = ip.Bytes(4);
  const absl::string_view destination = ip.Bytes(4);
  if (!ip.ok()) return refuse(AdvertFault::kTruncated);
  if (version_and_words >> 4 != 4 || protocol != kCarpProtocol ||
      Address::FromWire(destination) != CarpGroupAddress()) {
    return refuse(AdvertFault::kNotCarp);
  }
  decoded.source = Address::FromWire(source);

  const size_t header_bytes = (version_and_words & 0xf) * size_t{4};
  if (header_bytes < kIp4HeaderBytes || total_bytes < header_bytes + kAdvertBytes ||
      packet.size() < total_bytes) {
    return refuse(AdvertFault::kTruncated);
  }
  if ((fragment & kFragmentMask) != 0) return refuse(AdvertFault::kFragment);
  const absl::string_view carp = packet.substr(header_bytes, kAdvertBytes);
  decoded.vhid = static_cast<uint8_t>(carp[1]);
  if (InternetChecksum(packet.substr(0, header_bytes)) != 0) {
    return refuse(AdvertFault::kIpChecksum);
  }
  if (static_cast<uint8_t>(carp[0]) >> 4 != kVersionAndType >> 4) {
    return refuse(AdvertFault::kVersion);
  }
  if (ttl != kTtl) return refuse(AdvertFault::kTtl);
  if (InternetChecksum(carp) != 0) return refuse(AdvertFault::kChecksum);
  decoded.advert = ReadAdvert(carp);
  return decoded;
}

}  // namespace koi
