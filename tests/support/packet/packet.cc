// SPDX-License-Identifier: Apache-2.0
// Naming the layers of a frame and changing them.
#include "support/packet/packet.h"

#include <algorithm>
#include <utility>

#include "base/address.h"
#include "base/check.h"
#include "support/packet/decode.h"

namespace koi {
namespace {

std::string WireMac(const Mac& mac) { return std::string(mac.begin(), mac.end()); }

std::string WireAddress(absl::string_view text, bool ip4) {
  const absl::StatusOr<Address> address = Address::Parse(text);
  KOI_CHECK(address.ok() && (!ip4 || address->is_ip4()));
  const auto& bytes = address->bytes();
  return ip4 ? address->wire() : std::string(bytes.begin(), bytes.end());
}

std::string PaddedToWords(absl::string_view bytes) {
  std::string padded(bytes);
  padded.resize((padded.size() + 3) / 4 * 4, '\0');
  return padded;
}

uint8_t FlagBits(absl::string_view letters) {
  constexpr absl::string_view kLetters = "FSRPAU";  // from the lowest bit up
  uint8_t bits = 0;
  for (const char letter : letters) {
    const size_t bit = kLetters.find(letter);
    KOI_CHECK(bit != absl::string_view::npos);
    bits = static_cast<uint8_t>(bits | 1U << bit);
  }
  return bits;
}

}  // namespace

Packet Packet::With(Layer layer) const {
  Packet copy = *this;
  copy.layers_.push_back(std::move(layer));
  return copy;
}

Packet::Layer& Packet::Innermost(std::initializer_list<Kind> kinds) {
  const auto found = std::find_if(layers_.rbegin(), layers_.rend(), [&](const Layer& layer) {
    return std::find(kinds.begin(), kinds.end(), layer.kind) != kinds.end();
  });
  KOI_CHECK(found != layers_.rend());
  return *found;
}

Packet Packet::Ethernet() {
  Packet packet;
  packet.layers_.push_back(
      {.kind = Kind::kEthernet, .source = WireMac(kClientMac), .destination = WireMac(kOurMac)});
  return packet;
}

Packet Packet::Vlan(uint16_t id) const { return With({.kind = Kind::kVlan, .first = id}); }

Packet Packet::Ip4(absl::string_view source, absl::string_view destination) const {
  return With({.kind = Kind::kIp4,
               .source = WireAddress(source, true),
               .destination = WireAddress(destination, true)});
}

Packet Packet::Ip6(absl::string_view source, absl::string_view destination) const {
  return With({.kind = Kind::kIp6,
               .source = WireAddress(source, false),
               .destination = WireAddress(destination, false)});
}

Packet Packet::Extension(uint8_t protocol) const {
  return With({.kind = Kind::kExtension, .protocol = protocol});
}

Packet Packet::Tcp(uint16_t source_port, uint16_t destination_port) const {
  return With({.kind = Kind::kTcp,
               .first = source_port,
               .second = destination_port,
               .flags = FlagBits("S")});
}

Packet Packet::Udp(uint16_t source_port, uint16_t destination_port) const {
  return With({.kind = Kind::kUdp, .first = source_port, .second = destination_port});
}

Packet Packet::Icmp(uint8_t type, uint8_t code) const {
  return With({.kind = Kind::kIcmp, .first = type, .second = code});
}

Packet Packet::Payload(absl::string_view bytes) const {
  return With({.kind = Kind::kRaw, .options = std::string(bytes)});
}

Packet Packet::FromMac(const Mac& mac) const {
  Packet copy = *this;
  copy.Innermost({Kind::kEthernet}).source = WireMac(mac);
  return copy;
}

Packet Packet::ToMac(const Mac& mac) const {
  Packet copy = *this;
  copy.Innermost({Kind::kEthernet}).destination = WireMac(mac);
  return copy;
}

Packet Packet::WithType(uint16_t ethertype) const {
  Packet copy = *this;
  copy.Innermost({Kind::kEthernet, Kind::kVlan}).next = ethertype;
  return copy;
}

Packet Packet::WithVersion(uint8_t version) const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp4, Kind::kIp6}).version = version;
  return copy;
}

Packet Packet::WithHeaderWords(uint8_t words) const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp4}).words = words;
  return copy;
}

Packet Packet::WithTotalBytes(uint16_t bytes) const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp4, Kind::kIp6}).total = bytes;
  return copy;
}

Packet Packet::WithProtocol(uint8_t protocol) const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp4, Kind::kIp6, Kind::kExtension, Kind::kFragment}).next = protocol;
  return copy;
}

Packet Packet::WithOptions(absl::string_view bytes) const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp4, Kind::kTcp}).options = PaddedToWords(bytes);
  return copy;
}

Packet Packet::WithBadChecksum() const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp4, Kind::kTcp, Kind::kUdp, Kind::kIcmp}).bad_checksum = true;
  return copy;
}

Packet Packet::Fragment(uint16_t offset, bool more) const {
  KOI_CHECK(offset % 8 == 0);
  Packet copy = *this;
  Layer& ip = copy.Innermost({Kind::kIp4, Kind::kIp6});
  if (ip.kind == Kind::kIp6) {
    return copy.With({.kind = Kind::kFragment, .first = offset, .protocol = 44, .more = more});
  }
  ip.first = offset;
  ip.more = more;
  return copy;
}

Packet Packet::WithFlags(absl::string_view flags) const {
  Packet copy = *this;
  copy.Innermost({Kind::kTcp}).flags = FlagBits(flags);
  return copy;
}

Packet Packet::WithDataOffset(uint8_t words) const {
  Packet copy = *this;
  copy.Innermost({Kind::kTcp}).words = words;
  return copy;
}

Packet Packet::CutTo(size_t bytes) const {
  Packet copy = *this;
  copy.cut_to_ = bytes;
  return copy;
}

Packet Packet::PaddedTo(size_t bytes) const {
  Packet copy = *this;
  copy.padded_to_ = bytes;
  return copy;
}

std::ostream& operator<<(std::ostream& out, const Packet& packet) {
  return out << Decoded(packet.Bytes());
}

}  // namespace koi
