// SPDX-License-Identifier: Apache-2.0
// Builds frames, outermost layer first: lengths, checksums and the protocol of each layer are
// filled in, and only what matters to a test is spelt out.
//
//   const Packet kSyn = Packet::Ethernet().Ip4("192.0.2.7", "10.0.0.1").Tcp(40000, 443);
//   kSyn.ToMac(kOtherMac)   kSyn.WithFlags("SF")   kSyn.CutTo(40)
//
// Every call returns a changed copy. Those that change a field act on the innermost layer that has
// it, so they also stand where they belong: Ip4(...).WithOptions("\x94\x04").Tcp(...).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace koi {

using Mac = std::array<uint8_t, 6>;
constexpr Mac kClientMac = {0x02, 0, 0, 0, 0, 0x0c};
constexpr Mac kOurMac = {0x02, 0, 0, 0, 0, 0x01};
constexpr Mac kOtherMac = {0x02, 0, 0, 0, 0, 0x99};
constexpr Mac kBroadcastMac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

class Packet {
 public:
  // From kClientMac to kOurMac.
  static Packet Ethernet();
  // Layers. A wrong address of the test's own is a KOI_CHECK.
  Packet Vlan(uint16_t id) const;         // IEEE 802.1Q
  Packet ServiceVlan(uint16_t id) const;  // IEEE 802.1ad, outside an ordinary tag
  Packet Ip4(absl::string_view source, absl::string_view destination) const;
  Packet Ip6(absl::string_view source, absl::string_view destination) const;
  // An IPv6 extension header of `bytes`: hop-by-hop 0, routing 43, authentication 51, ... Behind
  // its length are options that say nothing; a routing header has no segment left.
  Packet Extension(uint8_t protocol, size_t bytes = 8) const;
  Packet Tcp(uint16_t source_port, uint16_t destination_port) const;  // a SYN
  Packet Udp(uint16_t source_port, uint16_t destination_port) const;
  Packet Icmp(uint8_t type, uint8_t code) const;  // ICMPv6 inside IPv6
  Packet Payload(absl::string_view bytes) const;
  Packet Link() const;  // the Ethernet header and its tags alone
  // Inside this, the layers of `inner` from its IP on: IP in IP.
  Packet Carrying(const Packet& inner) const;
  // An ICMP error's quote: `packet` from its IP on, whole or with `behind_header` bytes behind the
  // IP header and its options.
  Packet Quoting(const Packet& packet, std::optional<size_t> behind_header = {}) const;

  // Ethernet.
  Packet FromMac(const Mac& mac) const;
  Packet ToMac(const Mac& mac) const;
  Packet WithType(uint16_t ethertype) const;

  // IP.
  Packet WithVersion(uint8_t version) const;
  Packet WithHeaderWords(uint8_t words) const;        // IPv4: what the header says, not what it has
  Packet WithTotalBytes(uint16_t bytes) const;        // IPv4: total length; IPv6: payload length
  Packet WithProtocol(uint8_t protocol) const;        // of what follows
  Packet WithOptions(absl::string_view bytes) const;  // IPv4 or TCP, padded to whole words
  Packet WithBadChecksum() const;                     // IPv4, TCP, UDP or ICMP
  Packet WithTtl(uint8_t hops) const;                 // or hop limit
  Packet WithService(uint8_t dscp_and_ecn) const;     // type of service, traffic class
  Packet WithFlowLabel(uint32_t label) const;         // IPv6
  Packet WithIdentification(uint32_t id) const;       // IPv4, or of the IPv6 fragment header
  Packet WithDontFragment() const;                    // IPv4
  // IPv4: in the header; IPv6: a fragment header after it. `offset` in bytes, a multiple of 8.
  Packet Fragment(uint16_t offset, bool more) const;

  // TCP: letters of FSRPAU.
  Packet WithFlags(absl::string_view flags) const;
  Packet WithDataOffset(uint8_t words) const;  // what the header says
  Packet WithSequence(uint32_t number) const;

  Packet WithoutChecksum() const;      // UDP: 0, "none was made"
  Packet WithMtu(uint32_t mtu) const;  // ICMP: too big, fragmentation needed

  // The frame.
  Packet CutTo(size_t bytes) const;
  Packet PaddedTo(size_t bytes) const;  // with zeros behind everything

  // As on the wire, without the frame check sequence.
  std::string Bytes() const;

 private:
  enum class Kind { kEthernet, kVlan, kIp4, kIp6, kExtension, kFragment, kTcp, kUdp, kIcmp, kRaw };
  struct Layer {
    Kind kind = Kind::kRaw;
    std::string source = {};  // on the wire: MAC or address
    std::string destination = {};
    std::string options = {};  // or what is behind the length of kExtension, or the bytes of kRaw
    uint16_t first = 0;        // source port, VLAN id, ICMP type, fragment offset
    uint16_t second = 0;       // destination port, ICMP code
    uint16_t type = 0;         // of an extension header or VLAN tag itself
    // IPv4 and fragment: identification. IPv6: flow label. TCP: sequence. ICMP: second word.
    uint32_t number = 0;
    uint8_t hops = 64;
    uint8_t service = 0;
    uint8_t flags = 0;  // TCP
    bool more = false;  // fragment
    bool dont_fragment = false;
    bool bad_checksum = false;
    bool no_checksum = false;
    std::optional<uint16_t> next = {};  // told protocol or Ethernet type of what follows
    std::optional<uint16_t> total = {};
    std::optional<uint8_t> version = {};
    std::optional<uint8_t> words = {};
  };

  Packet With(Layer layer) const;
  Layer& Innermost(std::initializer_list<Kind> kinds);
  const Layer* Above(size_t index, std::initializer_list<Kind> kinds) const;
  size_t FirstIp() const;  // the number of layers where there is none
  uint16_t NextOf(size_t index) const;
  std::string Header(size_t index, const std::string& inside) const;
  std::string Ip4Header(size_t index, const std::string& inside) const;
  std::string Ip6Header(size_t index, const std::string& inside) const;
  std::string ExtensionHeader(size_t index) const;
  std::string TcpHeader(size_t index, const std::string& inside) const;
  std::string UdpHeader(size_t index, const std::string& inside) const;
  std::string IcmpHeader(size_t index, const std::string& inside) const;
  std::string WithTransportChecksum(size_t index, std::string bytes, size_t at,
                                    const std::string& inside, uint8_t protocol) const;

  std::vector<Layer> layers_;
  std::optional<size_t> cut_to_;
  size_t padded_to_ = 0;
};

// For failure messages: decoded.
std::ostream& operator<<(std::ostream& out, const Packet& packet);

}  // namespace koi
