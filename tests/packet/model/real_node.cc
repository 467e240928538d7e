// SPDX-License-Identifier: Apache-2.0
// Filling maps as a manager does, and reading from a frame's MAC where it was sent.
#include "packet/model/real_node.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <koi/abi/backend.h>
#include <koi/abi/flow.h>
#include <koi/abi/pool.h>
#include <koi/abi/service.h>
#include <koi/abi/settings.h>
#include <koi/abi/vip.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "dataplane/abi_address.h"
#include "dataplane/gate_map.h"

namespace koi {
namespace {

constexpr char kVip[] = "10.0.0.100";
constexpr char kClient[] = "192.0.2.7";
constexpr char kRouter[] = "198.51.100.1";
constexpr char kPoolName[] = "model";
constexpr uint32_t kPool = 5;
constexpr uint32_t kGroup = 2;
constexpr uint32_t kVipNumber = 10;
constexpr uint32_t kOnly = 0;
constexpr uint32_t kIngress = 1;  // lo, which test_run has frames come in on
constexpr uint16_t kFirstPort = 20000;
constexpr uint16_t kProbe = 2000;  // backends that tell slots apart
constexpr Duration kTolerance = std::chrono::milliseconds(150);

Fd MapOf(const BpfObject& object, const char* name) {
  absl::StatusOr<Fd> fd = object.MapFd(name);
  KOI_CHECK(fd.ok());
  return *std::move(fd);
}

uint16_t PortOf(const ModelPacket& packet) {
  return static_cast<uint16_t>(kFirstPort + packet.flow);
}

Packet FrameOf(const ModelPacket& packet) {
  const uint16_t port = PortOf(packet);
  if (packet.about) {
    const Packet answer = Packet::Ethernet().Ip4(kVip, kClient);
    return Packet::Ethernet()
        .Ip4(kRouter, kVip)
        .Icmp(3, 1)
        .Quoting(packet.udp ? answer.Udp(53, port).Payload("answer") : answer.Tcp(80, port), 8);
  }
  const Packet link = Packet::Ethernet().Ip4(kClient, kVip);
  const Packet sent = packet.piece ? link.Fragment(0, /*more=*/true) : link;
  if (packet.udp) return sent.Udp(port, 53);
  const Packet tcp = sent.Tcp(port, 80).WithSequence(packet.sequence);
  // All pieces but the last are multiples of 8 bytes.
  return packet.syn ? tcp : tcp.WithFlags("A").Payload("data");
}

}  // namespace

KernelNode::KernelNode(const BpfObject& object, const FlowModel::Setup& setup)
    : object_(object),
      setup_(setup),
      runner_(object.xdp_program_fd(), VerdictMap(MapOf(object, "koi_verdicts"))) {
  SetUpService();
  StartKeeper(FromNanoseconds(1));
}

KernelNode::~KernelNode() {
  EXPECT_TRUE(keeper_->RemoveOthers({}).ok());
  const Fd flows = MapOf(object_, "koi_flows");
  for (koi_flow_key key = {}; bpf_map_get_next_key(flows.get(), nullptr, &key) == 0;) {
    bpf_map_delete_elem(flows.get(), &key);
  }
  const koi_flow_state state = {};
  Set("koi_flow_state", &kOnly, &state);
}

void KernelNode::Set(const char* map, const void* key, const void* value) {
  KOI_CHECK(bpf_map_update_elem(MapOf(object_, map).get(), key, value, BPF_ANY) == 0);
}

void KernelNode::SetUpService() {
  GateMap gates(MapOf(object_, "koi_gates"));
  // The gate's clock is the simulation's too.
  EXPECT_TRUE(gates.OpenUntil(kGroup, FromNanoseconds(uint64_t{1} << 62)).ok());
  const koi_vip_key vip_key = {.addr = ToAbi(*Address::Parse(kVip))};
  const koi_vip vip = {.number = kVipNumber, .group = kGroup, .flags = KOI_VIP_L4, .address = {}};
  Set("koi_vips", &vip_key, &vip);
  for (const auto& [protocol, port] : {std::pair(IPPROTO_TCP, 80), std::pair(IPPROTO_UDP, 53)}) {
    const koi_service_key key = {.vip_number = kVipNumber,
                                 .port = static_cast<__u16>(port),
                                 .protocol = static_cast<__u8>(protocol),
                                 .pad = 0};
    const koi_service service = {
        .mode = KOI_SERVICE_L4, .number = 1, .pool = kPool, .name = "model"};
    Set("koi_services", &key, &service);
  }
  const koi_pool pool = {.forward = KOI_FORWARD_DSR,
                         .affinity = KOI_AFFINITY_FLOW,
                         .on_down = setup_.leave_down ? KOI_ON_DOWN_LEAVE : KOI_ON_DOWN_KEEP,
                         .ring_slots = setup_.slots,
                         .name = "model"};
  Set("koi_pools", &kPool, &pool);
  SetClock(FromNanoseconds(1));
}

void KernelNode::SetClock(TimePoint now) {
  koi_settings settings = {};
  settings.abi_version = KOI_ABI_VERSION;
  std::copy(kOurMac.begin(), kOurMac.end(), settings.own_mac);
  settings.ring_seed = 0x5eed;
  settings.flow_keys[0] = 0x0123456789abcdef;
  settings.flow_keys[1] = 0xfedcba9876543210;
  settings.idle_tcp_ns = static_cast<__u64>(setup_.times.idle.tcp.count());
  settings.idle_udp_ns = static_cast<__u64>(setup_.times.idle.udp.count());
  settings.handshake_ns = static_cast<__u64>(setup_.times.handshake.count());
  settings.full_ns = static_cast<__u64>(setup_.times.full.count());
  clock_set_ = CoarseNow();
  settings.clock_offset_ns = (now - clock_set_).count();
  Set("koi_settings", &kOnly, &settings);
}

void KernelNode::WriteBackend(uint16_t number, const ModelBackend& model) {
  koi_backend backend = {};
  backend.admin = model.enabled ? KOI_BACKEND_ENABLED : KOI_BACKEND_DRAINING;
  backend.health = model.down ? KOI_BACKEND_DOWN : KOI_BACKEND_UP;
  backend.addr = ToAbi(*Address::Parse("10.0.2.11"));
  backend.to_mac[0] = backend.from_mac[0] = 0x02;
  backend.to_mac[4] = static_cast<__u8>(number >> 8);
  backend.to_mac[5] = static_cast<__u8>(number);
  backend.mtu = 1500;
  backend.egress_ifindex = kIngress;
  const uint32_t key = number;
  Set("koi_backends", &key, &backend);
}

void KernelNode::StartKeeper(TimePoint now) {
  keeper_.reset();
  keeper_.emplace(*RingMaps::Open(object_),
                  FlowMap(MapOf(object_, "koi_flows"), MapOf(object_, "koi_flow_state")));
  keeper_->SetTimes(setup_.times);
  EXPECT_TRUE(keeper_
                  ->AddMissing({{.number = kPool,
                                 .name = kPoolName,
                                 .slots = setup_.slots,
                                 .flows_leave_down_backends = setup_.leave_down}},
                               now)
                  .ok());
}

// One backend for each slot, for a moment.
uint32_t KernelNode::SlotOf(int flow, bool udp) {
  absl::StatusOr<PoolRing> ring = RingMaps::Open(object_)->OpenRing(kPool, kPoolName, setup_.slots);
  KOI_CHECK(ring.ok());
  for (uint32_t slot = 0; slot < setup_.slots; ++slot) {
    const auto number = static_cast<uint16_t>(kProbe + slot);
    WriteBackend(number, {});
    ring->Write(slot, {.current = number});
  }
  const uint16_t sent = Run(FrameOf({.flow = flow, .udp = udp, .syn = !udp}));
  for (uint32_t slot = 0; slot < setup_.slots; ++slot) ring->Write(slot, {});
  KOI_CHECK(sent >= kProbe && sent < kProbe + setup_.slots);
  return sent - kProbe;
}

void KernelNode::Tick(const std::map<uint16_t, ModelBackend>& backends, TimePoint now) {
  std::vector<BackendEntry> entries;
  for (const auto& [number, backend] : backends) {
    WriteBackend(number, backend);
    BackendEntry entry;
    entry.number = number;
    entry.l4 = true;
    entry.admin = backend.enabled ? BackendAdmin::kEnabled : BackendAdmin::kDraining;
    entry.health = backend.down ? BackendHealth::kDown : BackendHealth::kUp;
    entry.weight = backend.weight;
    entry.pool = kPool;
    entry.name = backend.name;
    entry.pool_name = kPoolName;
    entries.push_back(std::move(entry));
  }
  keeper_->SetBackends(entries);
  (void)keeper_->Advance(now);
}

void KernelNode::Restart(const std::map<uint16_t, ModelBackend>& backends, TimePoint now) {
  StartKeeper(now);
  Tick(backends, now);
}

uint32_t KernelNode::moved() { return keeper_->Figures(kPool).moved; }

uint16_t KernelNode::Send(const ModelPacket& packet, TimePoint now) {
  SetClock(now);
  const uint16_t backend = Run(FrameOf(packet));
  // The clock that the program reads stands still where ticks are late, and leaps then.
  if (CoarseNow() - clock_set_ > kTolerance) disturbed_ = true;
  return backend;
}

uint16_t KernelNode::Run(const Packet& packet) {
  const Outcome outcome = runner_.Answer(packet.Bytes());
  if (outcome.action != "transmit") return 0;
  return static_cast<uint16_t>(static_cast<uint8_t>(outcome.frame[4]) << 8 |
                               static_cast<uint8_t>(outcome.frame[5]));
}

}  // namespace koi
