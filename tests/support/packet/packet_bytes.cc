// SPDX-License-Identifier: Apache-2.0
// Writing a frame: from the innermost layer out, because lengths and checksums cover what is
// inside.
#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "support/packet/packet.h"

namespace koi {
namespace {

constexpr uint8_t kIcmp4 = 1;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kAuthentication = 51;
constexpr uint8_t kIcmp6 = 58;
constexpr uint8_t kNothing = 253;  // "for experimentation" (RFC 3692): bytes of no protocol

void PutChecksum(std::string& bytes, size_t at, uint16_t sum, bool bad) {
  const uint16_t value = bad ? static_cast<uint16_t>(sum ^ 0x5555) : sum;
  bytes[at] = static_cast<char>(value >> 8);
  bytes[at + 1] = static_cast<char>(value);
}

}  // namespace

std::string Packet::Bytes() const {
  std::string bytes;
  for (size_t i = layers_.size(); i-- > 0;) bytes.insert(0, Header(i, bytes));
  bytes.resize(std::max(bytes.size(), padded_to_), '\0');
  if (cut_to_.has_value()) bytes.resize(std::min(bytes.size(), *cut_to_));
  return bytes;
}

const Packet::Layer* Packet::Above(size_t index, std::initializer_list<Kind> kinds) const {
  while (index-- > 0) {
    if (std::find(kinds.begin(), kinds.end(), layers_[index].kind) != kinds.end()) {
      return &layers_[index];
    }
  }
  return nullptr;
}

// What the layer says follows it: the Ethernet type or the protocol of the next one.
uint16_t Packet::NextOf(size_t index) const {
  const Layer& layer = layers_[index];
  if (layer.next.has_value()) return *layer.next;
  if (index + 1 == layers_.size()) return kNothing;
  const Layer& inside = layers_[index + 1];
  switch (inside.kind) {
    case Kind::kIp4: return layer.kind == Kind::kEthernet || layer.kind == Kind::kVlan ? 0x0800 : 4;
    case Kind::kIp6:
      return layer.kind == Kind::kEthernet || layer.kind == Kind::kVlan ? 0x86dd : 41;
    case Kind::kVlan:
    case Kind::kExtension:
    case Kind::kFragment: return inside.type;
    case Kind::kTcp: return kTcp;
    case Kind::kUdp: return kUdp;
    case Kind::kIcmp: {
      const Layer* ip = Above(index + 1, {Kind::kIp4, Kind::kIp6});
      return ip != nullptr && ip->kind == Kind::kIp6 ? kIcmp6 : kIcmp4;
    }
    case Kind::kEthernet:
    case Kind::kRaw: return kNothing;
  }
  KOI_UNREACHABLE();
}

// RFC 9293 3.1, RFC 768, RFC 4443 2.3: over a pseudo header of the IP layer too (ICMPv4 has none).
std::string Packet::WithTransportChecksum(size_t index, std::string bytes, size_t at,
                                          const std::string& inside, uint8_t protocol) const {
  ByteWriter covered;
  const Layer* ip = Above(index, {Kind::kIp4, Kind::kIp6});
  if (ip != nullptr && protocol != kIcmp4) {
    covered.Bytes(ip->source);
    covered.Bytes(ip->destination);
    covered.U32(static_cast<uint32_t>(bytes.size() + inside.size()));
    covered.U32(protocol);
  }
  covered.Bytes(bytes);
  covered.Bytes(inside);
  PutChecksum(bytes, at, InternetChecksum(covered.bytes()), layers_[index].bad_checksum);
  return bytes;
}

std::string Packet::TcpHeader(size_t index, const std::string& inside) const {
  const Layer& layer = layers_[index];
  const size_t bytes = 20 + layer.options.size();
  ByteWriter out;
  out.U16(layer.first);
  out.U16(layer.second);
  out.U32(layer.number);
  out.U32((layer.flags & 0x10) != 0 ? 0x20000001 : 0);  // acknowledged, if ACK
  out.U8(static_cast<uint8_t>(layer.words.value_or(static_cast<uint8_t>(bytes / 4)) << 4));
  out.U8(layer.flags);
  out.U16(64240);  // window
  out.U16(0);      // checksum
  out.U16(0);      // urgent
  out.Bytes(layer.options);
  return WithTransportChecksum(index, out.Take(), 16, inside, kTcp);
}

std::string Packet::Ip4Header(size_t index, const std::string& inside) const {
  const Layer& layer = layers_[index];
  const size_t bytes = 20 + layer.options.size();
  const uint8_t words = layer.words.value_or(static_cast<uint8_t>(bytes / 4));
  ByteWriter out;
  out.U8(static_cast<uint8_t>(layer.version.value_or(4) << 4 | words));
  out.U8(layer.service);
  out.U16(layer.total.value_or(static_cast<uint16_t>(bytes + inside.size())));
  out.U16(static_cast<uint16_t>(layer.number));
  out.U16(static_cast<uint16_t>((layer.dont_fragment ? 0x4000 : 0) | (layer.more ? 0x2000 : 0) |
                                layer.first / 8));
  out.U8(layer.hops);
  out.U8(static_cast<uint8_t>(NextOf(index)));
  out.U16(0);  // checksum
  out.Bytes(layer.source);
  out.Bytes(layer.destination);
  out.Bytes(layer.options);
  std::string header = out.Take();
  PutChecksum(header, 10, InternetChecksum(header), layer.bad_checksum);
  return header;
}

std::string Packet::Ip6Header(size_t index, const std::string& inside) const {
  const Layer& layer = layers_[index];
  ByteWriter out;
  out.U32(static_cast<uint32_t>(layer.version.value_or(6)) << 28 |
          static_cast<uint32_t>(layer.service) << 20 | layer.number);
  out.U16(layer.total.value_or(static_cast<uint16_t>(inside.size())));
  out.U8(static_cast<uint8_t>(NextOf(index)));
  out.U8(layer.hops);
  out.Bytes(layer.source);
  out.Bytes(layer.destination);
  return out.Take();
}

// The length of AH counts words behind the first two (RFC 4302 2.2), that of the others 8 bytes
// behind the first 8 (RFC 8200 4).
std::string Packet::ExtensionHeader(size_t index) const {
  const Layer& layer = layers_[index];
  const size_t bytes = 2 + layer.options.size();
  ByteWriter out;
  out.U8(static_cast<uint8_t>(NextOf(index)));
  out.U8(static_cast<uint8_t>(layer.type == kAuthentication ? bytes / 4 - 2 : bytes / 8 - 1));
  out.Bytes(layer.options);
  return out.Take();
}

std::string Packet::UdpHeader(size_t index, const std::string& inside) const {
  const Layer& layer = layers_[index];
  ByteWriter out;
  out.U16(layer.first);
  out.U16(layer.second);
  out.U16(static_cast<uint16_t>(8 + inside.size()));
  out.U16(0);  // checksum
  if (layer.no_checksum) return out.Take();
  return WithTransportChecksum(index, out.Take(), 6, inside, kUdp);
}

std::string Packet::IcmpHeader(size_t index, const std::string& inside) const {
  const Layer& layer = layers_[index];
  const Layer* ip = Above(index, {Kind::kIp4, Kind::kIp6});
  ByteWriter out;
  out.U8(static_cast<uint8_t>(layer.first));
  out.U8(static_cast<uint8_t>(layer.second));
  out.U16(0);             // checksum
  out.U32(layer.number);  // identifier and sequence number, MTU, or unused
  const bool ip6 = ip != nullptr && ip->kind == Kind::kIp6;
  return WithTransportChecksum(index, out.Take(), 2, inside, ip6 ? kIcmp6 : kIcmp4);
}

std::string Packet::Header(size_t index, const std::string& inside) const {
  const Layer& layer = layers_[index];
  const uint16_t next = NextOf(index);
  ByteWriter out;
  switch (layer.kind) {
    case Kind::kEthernet:
      out.Bytes(layer.destination);
      out.Bytes(layer.source);
      out.U16(next);
      return out.Take();
    case Kind::kVlan:
      out.U16(layer.first);
      out.U16(next);
      return out.Take();
    case Kind::kIp4: return Ip4Header(index, inside);
    case Kind::kIp6: return Ip6Header(index, inside);
    case Kind::kExtension: return ExtensionHeader(index);
    case Kind::kFragment:
      out.U8(static_cast<uint8_t>(next));
      out.U8(0);
      out.U16(static_cast<uint16_t>(layer.first | (layer.more ? 1 : 0)));
      out.U32(layer.number);
      return out.Take();
    case Kind::kTcp: return TcpHeader(index, inside);
    case Kind::kUdp: return UdpHeader(index, inside);
    case Kind::kIcmp: return IcmpHeader(index, inside);
    case Kind::kRaw: return layer.options;
  }
  KOI_UNREACHABLE();
}

}  // namespace koi
