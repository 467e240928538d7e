// SPDX-License-Identifier: Apache-2.0
// The fixture of the packet tests of l4 services: a VIP of each family with l4 services alone, TCP
// 80 and UDP 53, whose pool has one backend, reached through the interface that frames come in on.
// A VIP that has local services too is one call away. A test changes the one thing it is about.
#pragma once

#include <koi/abi/backend.h>
#include <koi/abi/pool.h>
#include <koi/abi/ring.h>
#include <koi/abi/service.h>
#include <koi/abi/settings.h>
#include <koi/abi/vip.h>

#include <string>
#include <vector>

#include "packet/xdp_test.h"

namespace koi {

constexpr char kL4Vip4[] = "10.0.0.100";
constexpr char kL4Vip6[] = "2001:db8::100";
constexpr char kClient4[] = "192.0.2.7";
constexpr char kClient6[] = "2001:db8:7::7";
constexpr char kBackend4[] = "10.0.2.11";
constexpr char kBackend6[] = "2001:db8:2::11";
constexpr char kTunnel4[] = "10.0.9.0";
constexpr char kTunnel6[] = "2001:db8:9::";
constexpr char kOwnAddress4[] = "10.0.0.9";
constexpr char kOwnAddress6[] = "2001:db8::9";
constexpr Mac kBackendMac = {0x02, 0, 0, 0, 0, 0xb1};
constexpr Mac kEgressMac = {0x02, 0, 0, 0, 0, 0xe1};  // of the interface that leads there
constexpr uint32_t kL4Vip4Number = 10;
constexpr uint32_t kL4Vip6Number = 11;
constexpr uint32_t kPool = 5;
constexpr uint32_t kBackend = 2000;
constexpr uint16_t kWayMtu = 1500;

inline Packet FromClient4() { return Packet::Ethernet().Ip4(kClient4, kL4Vip4); }
inline Packet FromClient6() { return Packet::Ethernet().Ip6(kClient6, kL4Vip6); }
inline Packet L4Syn() { return FromClient4().Tcp(40000, 80); }
inline Packet L4Syn6() { return FromClient6().Tcp(40000, 80); }

// `packet`, and the same in one VLAN tag and in two.
std::vector<Packet> Tagged(const Packet& packet);

class L4Test : public XdpTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  void SetVip(const std::string& address, uint32_t number, uint32_t flags);
  void SetL4Service(uint32_t vip_number, uint8_t protocol, uint16_t port);
  void WritePool();
  void WriteBackend();
  void WriteSettings();
  // All slots of the pool's ring.
  void SetSlots(const koi_slot& slot);
  void ForwardInTunnelTo(const std::string& backend);
  // The L4 VIPs have a local service too, TCP 443.
  void AddLocalServices();
  size_t CountFlows();

  // What leaves for `packet`: unchanged but for MACs and one hop less.
  static Packet Direct(const Packet& packet);
  // ... and in a packet to the backend; the flow label of an IPv6 one is taken from `frame`.
  Packet Tunnelled(const Packet& packet, const std::string& frame) const;

  // With no tag, one and two. What passes is expected to pass unchanged.
  void ExpectForwarded(const Packet& packet);
  void ExpectVerdict(const Packet& packet, const std::string& verdict);

  koi_settings l4_settings = {};
  koi_pool pool = {};
  koi_backend backend = {};
  Fd times;  // the pool's array in koi_slots

 private:
  Fd ring_;
  std::vector<koi_service_key> l4_services_;
};

}  // namespace koi
