// SPDX-License-Identifier: Apache-2.0
// The frames and their schedule.
#include "carp/announce.h"

#include <netinet/icmp6.h>

#include <array>

#include "base/bytes.h"
#include "base/check.h"

namespace koi {
namespace {

using std::chrono::milliseconds;

constexpr std::array<milliseconds, 6> kSchedule = {milliseconds(0),    milliseconds(50),
                                                   milliseconds(200),  milliseconds(1000),
                                                   milliseconds(2000), milliseconds(5000)};

constexpr uint16_t kEtherTypeArp = 0x0806;
constexpr uint16_t kEtherTypeIp4 = 0x0800;
constexpr uint16_t kEtherTypeIp6 = 0x86dd;
constexpr uint8_t kProtocolIcmp6 = 58;
constexpr MacAddress kAllNodesMac = {0x33, 0x33, 0x00, 0x00, 0x00, 0x01};
constexpr size_t kAdvertisementBytes = 32;  // of ICMPv6: header, target, one option

ByteWriter Ethernet(const MacAddress& to, const MacAddress& from, uint16_t ether_type) {
  ByteWriter frame;
  frame.Bytes(MacBytes(to));
  frame.Bytes(MacBytes(from));
  frame.U16(ether_type);
  return frame;
}

std::string GratuitousArp(const MacAddress& mac, const Address& vip) {
  ByteWriter frame = Ethernet(kBroadcastMac, mac, kEtherTypeArp);
  frame.U16(1);  // Ethernet
  frame.U16(kEtherTypeIp4);
  frame.U8(6);
  frame.U8(4);
  frame.U16(1);  // a request: some neighbours learn from requests alone
  for (int sender_then_target = 0; sender_then_target < 2; ++sender_then_target) {
    frame.Bytes(MacBytes(mac));
    frame.Bytes(vip.wire());
  }
  return frame.Take();
}

Address AllNodes() {
  return Address::FromBytes({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

std::string NeighborAdvertisement(const MacAddress& mac, const Address& vip, uint16_t checksum) {
  ByteWriter icmp;
  icmp.U8(ND_NEIGHBOR_ADVERT);
  icmp.U8(0);
  icmp.U16(checksum);
  icmp.U32(0x20000000);  // override
  icmp.Bytes(vip.wire());
  icmp.U8(ND_OPT_TARGET_LINKADDR);
  icmp.U8(1);  // in units of 8 bytes
  icmp.Bytes(MacBytes(mac));
  KOI_CHECK(icmp.bytes().size() == kAdvertisementBytes);
  return icmp.Take();
}

std::string UnsolicitedNeighborAdvertisement(const MacAddress& mac, const Address& vip) {
  ByteWriter checked;  // the pseudo-header of RFC 8200 8.1, then the message
  checked.Bytes(vip.wire());
  checked.Bytes(AllNodes().wire());
  checked.U32(kAdvertisementBytes);
  checked.U32(kProtocolIcmp6);
  checked.Bytes(NeighborAdvertisement(mac, vip, 0));

  ByteWriter frame = Ethernet(kAllNodesMac, mac, kEtherTypeIp6);
  frame.U32(0x60000000);
  frame.U16(kAdvertisementBytes);
  frame.U8(kProtocolIcmp6);
  frame.U8(255);  // RFC 4861: proof that no router forwarded it
  frame.Bytes(vip.wire());
  frame.Bytes(AllNodes().wire());
  frame.Bytes(NeighborAdvertisement(mac, vip, InternetChecksum(checked.bytes())));
  return frame.Take();
}

}  // namespace

std::string AnnouncementFrame(const MacAddress& mac, const Address& vip) {
  return vip.is_ip4() ? GratuitousArp(mac, vip) : UnsolicitedNeighborAdvertisement(mac, vip);
}

void Announcer::Start(std::vector<std::string> frames) {
  frames_ = std::move(frames);
  began_ = loop_.now();
  sent_ = 0;
  SendAndGoOn();
}

void Announcer::SendAndGoOn() {
  for (const std::string& frame : frames_) send_(frame);
  if (++sent_ < kSchedule.size()) {
    timer_ = loop_.At(began_ + kSchedule[sent_], [this] { SendAndGoOn(); });
  }
}

}  // namespace koi
