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

Packet Packet::Vlan(uint16_t id) const {
  return With({.kind = Kind::kVlan, .first = id, .type = 0x8100});
}

Packet Packet::ServiceVlan(uint16_t id) const {
  return With({.kind = Kind::kVlan, .first = id, .type = 0x88a8});
}

Packet Packet::Ip4(absl::string_view source, absl::string_view destination) const {
  return With({.kind = Kind::kIp4,
               .source = WireAddress(source, true),
               .destination = WireAddress(destination, true),
               .number = 0x1234});
}

Packet Packet::Ip6(absl::string_view source, absl::string_view destination) const {
  return With({.kind = Kind::kIp6,
               .source = WireAddress(source, false),
               .destination = WireAddress(destination, false)});
}

Packet Packet::Extension(uint8_t protocol, size_t bytes) const {
  constexpr uint8_t kRouting = 43;
  KOI_CHECK(bytes >= 8 && bytes % 4 == 0);
  std::string behind_length(bytes - 2, '\0');
  if (protocol != kRouting) {  // PadN
    behind_length[0] = 1;
    behind_length[1] = static_cast<char>(bytes - 4);
  }
  return With({.kind = Kind::kExtension, .options = behind_length, .type = protocol});
}

Packet Packet::Tcp(uint16_t source_port, uint16_t destination_port) const {
  return With({.kind = Kind::kTcp,
               .first = source_port,
               .second = destination_port,
               .number = 0x10000001,
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

size_t Packet::FirstIp() const {
  return static_cast<size_t>(std::find_if(layers_.begin(), layers_.end(),
                                          [](const Layer& layer) {
                                            return layer.kind == Kind::kIp4 ||
                                                   layer.kind == Kind::kIp6;
                                          }) -
                             layers_.begin());
}

Packet Packet::Link() const {
  Packet copy = *this;
  copy.layers_.resize(FirstIp());
  return copy;
}

Packet Packet::Carrying(const Packet& inner) const {
  Packet copy = *this;
  copy.layers_.insert(copy.layers_.end(),
                      inner.layers_.begin() + static_cast<ptrdiff_t>(inner.FirstIp()),
                      inner.layers_.end());
  return copy;
}

Packet Packet::Quoting(const Packet& packet, std::optional<size_t> behind_header) const {
  const Packet bare = Packet().Carrying(packet);
  KOI_CHECK(!bare.layers_.empty());
  std::string bytes = bare.Bytes();
  const Layer& ip = bare.layers_.front();
  const size_t header = ip.kind == Kind::kIp6 ? 40 : 20 + ip.options.size();
  if (behind_header.has_value()) bytes.resize(std::min(bytes.size(), header + *behind_header));
  return Payload(bytes);
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

Packet Packet::WithTtl(uint8_t hops) const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp4, Kind::kIp6}).hops = hops;
  return copy;
}

Packet Packet::WithService(uint8_t dscp_and_ecn) const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp4, Kind::kIp6}).service = dscp_and_ecn;
  return copy;
}

Packet Packet::WithFlowLabel(uint32_t label) const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp6}).number = label;
  return copy;
}

Packet Packet::WithIdentification(uint32_t id) const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp4, Kind::kFragment}).number = id;
  return copy;
}

Packet Packet::WithDontFragment() const {
  Packet copy = *this;
  copy.Innermost({Kind::kIp4}).dont_fragment = true;
  return copy;
}

Packet Packet::Fragment(uint16_t offset, bool more) const {
  KOI_CHECK(offset % 8 == 0);
  Packet copy = *this;
  Layer& ip = copy.Innermost({Kind::kIp4, Kind::kIp6});
  if (ip.kind == Kind::kIp6) {
    return copy.With(
        {.kind = Kind::kFragment, .first = offset, .type = 44, .number = 0x1234, .more = more});
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

Packet Packet::WithSequence(uint32_t number) const {
  Packet copy = *this;
  copy.Innermost({Kind::kTcp}).number = number;
  return copy;
}

Packet Packet::WithoutChecksum() const {
  Packet copy = *this;
  copy.Innermost({Kind::kUdp}).no_checksum = true;
  return copy;
}

Packet Packet::WithMtu(uint32_t mtu) const {
  Packet copy = *this;
  copy.Innermost({Kind::kIcmp}).number = mtu;
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
