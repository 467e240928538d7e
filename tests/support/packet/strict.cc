// SPDX-License-Identifier: Apache-2.0
// Judging a frame layer by layer, from outside in.
#include "support/packet/strict.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/status_macros.h"

namespace koi {
namespace {

enum : uint8_t {
  kHopByHop = 0,
  kIcmp4 = 1,
  kIp4 = 4,
  kTcp = 6,
  kUdp = 17,
  kIp6 = 41,
  kRouting = 43,
  kFragment = 44,
  kAuthentication = 51,
  kIcmp6 = 58,
  kDestinationOptions = 60,
};

constexpr size_t kLargestPacket = 65535;

absl::Status Wrong(absl::string_view what) { return absl::InvalidArgumentError(what); }

class Judge {
 public:
  explicit Judge(Checksums checksums) : checksums_(checksums) {}

  absl::Status Frame(absl::string_view frame) {
    ByteReader reader(frame);
    reader.Bytes(12);
    uint16_t type = reader.U16();
    for (int tags = 0; tags < 2 && (type == 0x8100 || type == 0x88a8); ++tags) {
      reader.U16();
      type = reader.U16();
    }
    if (!reader.ok()) return Wrong("ethernet: the frame ends in it");
    if (type == 0x0800) return Ip4(reader.rest(), Padding::kMayFollow);
    if (type == 0x86dd) return Ip6(reader.rest(), Padding::kMayFollow);
    return Wrong("ethernet: not IP");
  }

 private:
  enum class Padding { kMayFollow, kNone };

  // What the addresses add to the checksums of TCP, UDP and ICMPv6, and how much of the payload is
  // there.
  struct Carrier {
    std::string addresses;
    bool whole = true;
    bool first = true;
    bool ip6 = false;
  };

  static absl::Status Options4(absl::string_view options) {
    while (!options.empty() && options[0] != 0) {
      const size_t bytes = options[0] == 1      ? 1
                           : options.size() < 2 ? 0
                                                : static_cast<uint8_t>(options[1]);
      if (bytes == 0 || (options[0] != 1 && bytes < 2) || bytes > options.size()) {
        return Wrong("ipv4: an option does not fit");
      }
      options.remove_prefix(bytes);
    }
    return absl::OkStatus();
  }

  absl::Status Fragment(size_t offset, bool more, size_t header, size_t payload) {
    if (offset + payload + header > kLargestPacket) return Wrong("fragment: ends past any packet");
    if (more && (payload % 8 != 0 || payload == 0)) return Wrong("fragment: not of whole words");
    return absl::OkStatus();
  }

  absl::Status Ip4(absl::string_view packet, Padding padding) {
    ByteReader reader(packet);
    const uint8_t first = reader.U8();
    reader.U8();
    const size_t total = reader.U16();
    reader.U16();
    const uint16_t fragment = reader.U16();
    const uint8_t ttl = reader.U8();
    const uint8_t protocol = reader.U8();
    reader.U16();
    const std::string addresses(reader.Bytes(8));
    const size_t header = static_cast<size_t>(first & 15) * 4;
    if (!reader.ok()) return Wrong("ipv4: ends in its header");
    if (first >> 4 != 4) return Wrong("ipv4: version");
    if (header < 20 || total < header) return Wrong("ipv4: header length");
    if (total > packet.size()) return Wrong("ipv4: total length");
    if (padding == Padding::kNone && total != packet.size()) return Wrong("ipv4: bytes left over");
    if (InternetChecksum(packet.substr(0, header)) != 0) return Wrong("ipv4: checksum");
    if (ttl == 0) return Wrong("ipv4: time to live");
    KOI_RETURN_IF_ERROR(Options4(packet.substr(20, header - 20)));
    const size_t offset = static_cast<size_t>(fragment & 0x1fff) * 8;
    const bool more = (fragment & 0x2000) != 0;
    KOI_RETURN_IF_ERROR(Fragment(offset, more, header, total - header));
    return Payload(protocol, packet.substr(header, total - header),
                   {.addresses = addresses, .whole = offset == 0 && !more, .first = offset == 0});
  }

  absl::Status Ip6(absl::string_view packet, Padding padding) {
    ByteReader reader(packet);
    const uint32_t first = reader.U32();
    const size_t payload = reader.U16();
    const uint8_t next = reader.U8();
    const uint8_t hops = reader.U8();
    const std::string addresses(reader.Bytes(32));
    if (!reader.ok()) return Wrong("ipv6: ends in its header");
    if (first >> 28 != 6) return Wrong("ipv6: version");
    if (payload > packet.size() - 40) return Wrong("ipv6: payload length");
    if (padding == Padding::kNone && payload != packet.size() - 40) {
      return Wrong("ipv6: bytes left over");
    }
    if (hops == 0) return Wrong("ipv6: hop limit");
    return Chain(next, packet.substr(40, payload), {.addresses = addresses, .ip6 = true});
  }

  absl::Status Chain(uint8_t protocol, absl::string_view rest, Carrier carrier) {
    for (bool start = true;; start = false) {
      const bool options = protocol == kHopByHop || protocol == kDestinationOptions;
      if (!options && protocol != kRouting && protocol != kAuthentication &&
          protocol != kFragment) {
        return Payload(protocol, rest, carrier);
      }
      if (protocol == kHopByHop && !start) return Wrong("ipv6: hop-by-hop options not first");
      if (rest.size() < 8) return Wrong("ipv6: ends in an extension header");
      const size_t length = static_cast<uint8_t>(rest[1]);
      const size_t bytes = protocol == kFragment         ? 8
                           : protocol == kAuthentication ? length * 4 + 8
                                                         : length * 8 + 8;
      if (bytes > rest.size()) return Wrong("ipv6: an extension header does not fit");
      const uint8_t next = static_cast<uint8_t>(rest[0]);
      if (protocol == kFragment) {
        const uint16_t word = ByteReader(rest.substr(2)).U16();
        const size_t offset = word & 0xfff8;
        const bool more = (word & 1) != 0;
        KOI_RETURN_IF_ERROR(Fragment(offset, more, 0, rest.size() - bytes));
        carrier.whole = offset == 0 && !more;
        carrier.first = offset == 0;
      }
      rest.remove_prefix(bytes);
      protocol = next;
      if (!carrier.first) return absl::OkStatus();
    }
  }

  absl::Status Payload(uint8_t protocol, absl::string_view payload, const Carrier& carrier) {
    if (!carrier.first) return absl::OkStatus();
    switch (protocol) {
      case kTcp: return Tcp(payload, carrier);
      case kUdp: return Udp(payload, carrier);
      case kIcmp4:
      case kIcmp6:
        if (payload.size() < 8) return Wrong("icmp: ends in its header");
        return Sum(protocol, payload, carrier);
      case kIp4: return Ip4(payload, Padding::kNone);
      case kIp6: return Ip6(payload, Padding::kNone);
      default: return absl::OkStatus();
    }
  }

  absl::Status Tcp(absl::string_view segment, const Carrier& carrier) {
    if (segment.size() < 20) return Wrong("tcp: ends in its header");
    const size_t header = static_cast<size_t>(static_cast<uint8_t>(segment[12]) >> 4) * 4;
    if (header < 20 || header > segment.size()) return Wrong("tcp: header length");
    return Sum(kTcp, segment, carrier);
  }

  absl::Status Udp(absl::string_view datagram, const Carrier& carrier) {
    if (datagram.size() < 8) return Wrong("udp: ends in its header");
    const size_t bytes = ByteReader(datagram.substr(4)).U16();
    if (bytes < 8) return Wrong("udp: length");
    if (carrier.whole && bytes > datagram.size()) return Wrong("udp: length");
    if (ByteReader(datagram.substr(6)).U16() == 0) {
      return carrier.ip6 ? Wrong("udp: no checksum") : absl::OkStatus();
    }
    return Sum(kUdp, carrier.whole ? datagram.substr(0, bytes) : datagram, carrier);
  }

  absl::Status Sum(uint8_t protocol, absl::string_view payload, const Carrier& carrier) {
    if (checksums_ == Checksums::kOfHeaders || !carrier.whole) return absl::OkStatus();
    ByteWriter covered;
    if (protocol != kIcmp4) {
      covered.Bytes(carrier.addresses);
      covered.U32(static_cast<uint32_t>(payload.size()));
      covered.U32(protocol);
    }
    covered.Bytes(payload);
    if (InternetChecksum(covered.bytes()) == 0) return absl::OkStatus();
    return Wrong(absl::StrCat("protocol ", static_cast<int>(protocol), ": checksum"));
  }

  Checksums checksums_;
};

}  // namespace

absl::Status CheckWellFormed(absl::string_view frame, Checksums checksums) {
  return Judge(checksums).Frame(frame);
}

}  // namespace koi
