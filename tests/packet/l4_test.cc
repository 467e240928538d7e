// SPDX-License-Identifier: Apache-2.0
// Fills the maps of l4 services as koi-manager does, but with one backend in every slot.
#include "packet/l4_test.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <koi/abi/flow.h>
#include <netinet/in.h>

#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "dataplane/abi_address.h"

namespace koi {
namespace {

constexpr uint32_t kRingSlots = 13;
constexpr uint32_t kOnly = 0;
constexpr uint32_t kIngress = 1;  // lo, which test_run has frames come in on

koi_addr AbiAddress(const std::string& text) {
  const absl::StatusOr<Address> address = Address::Parse(text);
  KOI_CHECK(address.ok());
  return ToAbi(*address);
}

Fd InnerArray(const char* name, uint32_t value_bytes) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  return Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, value_bytes, kRingSlots, &options));
}

}  // namespace

std::vector<Packet> Tagged(const Packet& packet) {
  return {packet, packet.Link().Vlan(7).Carrying(packet),
          packet.Link().ServiceVlan(7).Vlan(0x2009).Carrying(packet)};
}

void L4Test::SetUp() {
  XdpTest::SetUp();
  ASSERT_EQ(bpf_map_lookup_elem(MapFd("koi_settings").get(), &kOnly, &l4_settings), 0);
  l4_settings.ring_seed = 0x5eed;
  l4_settings.flow_keys[0] = 0x0123456789abcdef;
  l4_settings.flow_keys[1] = 0xfedcba9876543210;
  l4_settings.tunnel4.addr = AbiAddress(kTunnel4);
  l4_settings.tunnel6.addr = AbiAddress(kTunnel6);
  l4_settings.own_ip4 = AbiAddress(kOwnAddress4);
  l4_settings.own_ip6 = AbiAddress(kOwnAddress6);
  l4_settings.icmp_per_second = 1000;
  l4_settings.idle_tcp_ns = 7500'000'000'000;
  l4_settings.idle_udp_ns = 30'000'000'000;
  l4_settings.handshake_ns = 4'000'000'000;
  l4_settings.full_ns = 5'000'000'000;
  WriteSettings();

  pool = {.forward = KOI_FORWARD_DSR,
          .affinity = KOI_AFFINITY_FLOW,
          .on_down = KOI_ON_DOWN_LEAVE,
          .ring_slots = kRingSlots,
          .name = "pool"};
  WritePool();
  ring_ = InnerArray("koi_ring", sizeof(koi_slot));
  times = InnerArray("koi_slot_times", sizeof(koi_slot_times));
  const int ring_fd = ring_.get();
  ASSERT_EQ(bpf_map_update_elem(MapFd("koi_rings").get(), &kPool, &ring_fd, 0), 0);
  SetSlots({.current = kBackend, .previous = 0, .epoch = 0, .moved = 0});

  backend = {};
  backend.admin = KOI_BACKEND_ENABLED;
  backend.health = KOI_BACKEND_UP;
  backend.addr = AbiAddress(kBackend4);
  std::memcpy(backend.to_mac, kBackendMac.data(), kBackendMac.size());
  std::memcpy(backend.from_mac, kEgressMac.data(), kEgressMac.size());
  backend.mtu = kWayMtu;
  backend.egress_ifindex = kIngress;
  WriteBackend();

  SetVip(kL4Vip4, kL4Vip4Number, KOI_VIP_L4);
  SetVip(kL4Vip6, kL4Vip6Number, KOI_VIP_L4);
  for (const uint32_t vip : {kL4Vip4Number, kL4Vip6Number}) {
    SetL4Service(vip, IPPROTO_TCP, 80);
    SetL4Service(vip, IPPROTO_UDP, 53);
  }
}

void L4Test::TearDown() {
  for (const koi_service_key& key : l4_services_) {
    EXPECT_EQ(bpf_map_delete_elem(MapFd("koi_services").get(), &key), 0);
  }
  l4_services_.clear();
  const Fd rings = MapFd("koi_rings");
  const Fd slots = MapFd("koi_slots");
  bpf_map_delete_elem(rings.get(), &kPool);
  bpf_map_delete_elem(slots.get(), &kPool);
  const Fd flows = MapFd("koi_flows");
  for (koi_flow_key key = {}; bpf_map_get_next_key(flows.get(), nullptr, &key) == 0;) {
    bpf_map_delete_elem(flows.get(), &key);
  }
  XdpTest::TearDown();
}

void L4Test::SetVip(const std::string& address, uint32_t number, uint32_t flags) {
  const koi_vip_key key = {.addr = AbiAddress(address)};
  koi_vip vip = {.number = number, .group = kGroup, .flags = flags, .address = {}};
  std::strncpy(vip.address, address.c_str(), sizeof(vip.address) - 1);
  ASSERT_EQ(bpf_map_update_elem(MapFd("koi_vips").get(), &key, &vip, 0), 0);
}

void L4Test::SetL4Service(uint32_t vip_number, uint8_t protocol, uint16_t port) {
  const koi_service_key key = {
      .vip_number = vip_number, .port = port, .protocol = protocol, .pad = 0};
  const koi_service service = {.mode = KOI_SERVICE_L4, .number = 1, .pool = kPool, .name = "l4"};
  ASSERT_EQ(bpf_map_update_elem(MapFd("koi_services").get(), &key, &service, 0), 0);
  l4_services_.push_back(key);
}

void L4Test::WritePool() {
  ASSERT_EQ(bpf_map_update_elem(MapFd("koi_pools").get(), &kPool, &pool, 0), 0);
}

void L4Test::WriteBackend() {
  ASSERT_EQ(bpf_map_update_elem(MapFd("koi_backends").get(), &kBackend, &backend, 0), 0);
}

void L4Test::WriteSettings() {
  ASSERT_EQ(bpf_map_update_elem(MapFd("koi_settings").get(), &kOnly, &l4_settings, 0), 0);
}

void L4Test::SetSlots(const koi_slot& slot) {
  for (uint32_t i = 0; i < kRingSlots; ++i) {
    ASSERT_EQ(bpf_map_update_elem(ring_.get(), &i, &slot, 0), 0);
  }
  if (slot.moved == 0) return;
  const int fd = times.get();
  ASSERT_EQ(bpf_map_update_elem(MapFd("koi_slots").get(), &kPool, &fd, 0), 0);
}

void L4Test::ForwardInTunnelTo(const std::string& address) {
  pool.forward = KOI_FORWARD_IPIP;
  WritePool();
  backend.addr = AbiAddress(address);
  WriteBackend();
}

void L4Test::AddLocalServices() {
  SetVip(kL4Vip4, kL4Vip4Number, KOI_VIP_L4 | KOI_VIP_LOCAL);
  SetVip(kL4Vip6, kL4Vip6Number, KOI_VIP_L4 | KOI_VIP_LOCAL);
  AddService(kL4Vip4Number, 443, ServiceMode::kHttp);
  AddService(kL4Vip6Number, 443, ServiceMode::kHttp);
}

size_t L4Test::CountFlows() {
  const Fd flows = MapFd("koi_flows");
  size_t count = 0;
  koi_flow_key key = {};
  for (koi_flow_key* last = nullptr; bpf_map_get_next_key(flows.get(), last, &key) == 0;) {
    last = &key;
    ++count;
  }
  return count;
}

Packet L4Test::Direct(const Packet& packet) {
  return packet.FromMac(kEgressMac).ToMac(kBackendMac).WithTtl(63);
}

Packet L4Test::Tunnelled(const Packet& packet, const std::string& frame) const {
  const Packet direct = Direct(packet);
  const Packet link = direct.Link();
  const std::string bytes = packet.Bytes();
  const std::string inner = bytes.substr(link.Bytes().size());
  const bool inner_is_ip4 = (inner[0] & 0xf0) == 0x40;
  const uint8_t service =
      static_cast<uint8_t>(inner_is_ip4 ? inner[1] : ByteReader(inner).U16() >> 4);
  const Address to = FromAbi(backend.addr);
  if (to.is_ip4()) {
    return link.Ip4(kTunnel4, to.ToString())
        .WithService(service)
        .WithIdentification(0)
        .WithDontFragment()
        .Carrying(direct);
  }
  const size_t at = link.Bytes().size();
  const uint32_t label =
      frame.size() < at + 4 ? 0 : ByteReader(absl::string_view(frame).substr(at)).U32() & 0xfffff;
  return link.Ip6(kTunnel6, to.ToString())
      .WithService(service)
      .WithFlowLabel(label)
      .Carrying(direct);
}

void L4Test::ExpectForwarded(const Packet& packet) {
  for (const Packet& tagged : Tagged(packet)) {
    SCOPED_TRACE(tagged);
    const Outcome outcome = Run(tagged);
    EXPECT_EQ(outcome.verdict, "FORWARDED");
    EXPECT_THAT(outcome,
                Transmits(pool.forward == KOI_FORWARD_IPIP ? Tunnelled(tagged, outcome.frame)
                                                           : Direct(tagged)));
  }
}

void L4Test::ExpectVerdict(const Packet& packet, const std::string& verdict) {
  for (const Packet& tagged : Tagged(packet)) {
    SCOPED_TRACE(tagged);
    const Outcome outcome = Run(tagged);
    EXPECT_EQ(outcome.verdict, verdict);
    if (outcome.action == "pass") {
      EXPECT_THAT(outcome, Passes(tagged));
    }
  }
}

}  // namespace koi
