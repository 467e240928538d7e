// SPDX-License-Identifier: Apache-2.0
// Fills the maps by hand: no manager runs here.
#include "bench/l4/stage.h"

#include <bpf/bpf.h>
#include <koi/abi/backend.h>
#include <koi/abi/deny.h>
#include <koi/abi/flow.h>
#include <koi/abi/gate.h>
#include <koi/abi/service.h>
#include <koi/abi/settings.h>
#include <koi/abi/vip.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/address.h"
#include "base/time.h"
#include "dataplane/abi_address.h"
#include "support/lab/lab.h"
#include "support/packet/packet.h"
#include "support/packet/sandbox.h"

namespace koi::bench {
namespace {

constexpr uint32_t kOnlyEntry = 0;
constexpr uint32_t kPool = 1;
constexpr uint32_t kBackends = 64;
constexpr uint32_t kFirstBackend = KOI_WORKER_BACKENDS_MAX;
constexpr uint32_t kSlots = 65537;
constexpr uint32_t kGroup = 1;
constexpr uint64_t kSecond = 1'000'000'000;

template <typename Key, typename Value>
void Set(const Fd& map, const Key& key, const Value& value) {
  if (bpf_map_update_elem(map.get(), &key, &value, BPF_ANY) == 0) return;
  lab::Die(absl::StrCat("cannot fill a map: ", std::strerror(errno)));
}

koi_addr Addr(const std::string& text) { return ToAbi(*Address::Parse(text)); }

// An array like the pattern's, put into the outer map.
Fd MakeInner(const Fd& outer, const char* name, uint32_t value_bytes) {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP;
  Fd inner(
      bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), value_bytes, kSlots, &options));
  Set(outer, kPool, static_cast<uint32_t>(inner.get()));
  return inner;
}

// All `values` of an array, by one call.
template <typename Value>
void SetAll(const Fd& array, const std::vector<Value>& values) {
  std::vector<uint32_t> keys(values.size());
  for (uint32_t i = 0; i < keys.size(); ++i) keys[i] = i;
  auto count = static_cast<uint32_t>(keys.size());
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  if (bpf_map_update_batch(array.get(), keys.data(), values.data(), &count, &options) == 0) return;
  lab::Die(absl::StrCat("cannot fill a ring: ", std::strerror(errno)));
}

std::vector<koi_flow_key> FlowKeys(const Fd& flows) {
  std::vector<koi_flow_key> keys;
  koi_flow_key next = {};
  while (bpf_map_get_next_key(flows.get(), keys.empty() ? nullptr : &keys.back(), &next) == 0) {
    keys.push_back(next);
  }
  return keys;
}

}  // namespace

L4Stage::L4Stage() {
  auto object = BpfObject::Load(NewPinDirectory(), ExistingMaps::kReplace);
  if (!object.ok()) lab::Die(object.status().ToString());
  object_ = *std::move(object);
  SetVips();
  SetServices();
  SetSettings(false);
  MakeRing();
  ForwardBy(KOI_FORWARD_DSR);
  MoveSlots(0);
}

Fd L4Stage::MapFd(const std::string& name) const {
  absl::StatusOr<Fd> fd = object_->MapFd(name);
  if (!fd.ok()) lab::Die(fd.status().ToString());
  return *std::move(fd);
}

void L4Stage::SetVips() const {
  const Fd vips = MapFd("koi_vips");
  uint32_t number = 0;
  for (const char* address : {kL4Vip4, kL4Vip6}) {
    const koi_vip vip = {
        .number = number++, .group = kGroup, .flags = KOI_VIP_LOCAL | KOI_VIP_L4, .address = {}};
    Set(vips, koi_vip_key{.addr = Addr(address)}, vip);
  }
  const auto until = static_cast<uint64_t>(ToNanoseconds(Now() + std::chrono::hours(10)));
  Set(MapFd("koi_gates"), kGroup, koi_gate{.master_until_ns = until});
}

void L4Stage::SetServices() const {
  const Fd services = MapFd("koi_services");
  for (uint32_t vip = 0; vip < 2; ++vip) {
    for (const uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
      Set(services,
          koi_service_key{.vip_number = vip, .port = kL4Port, .protocol = protocol, .pad = 0},
          koi_service{.mode = KOI_SERVICE_L4, .number = 0, .pool = kPool, .name = "l4"});
    }
    Set(services,
        koi_service_key{.vip_number = vip, .port = kLocalPort, .protocol = IPPROTO_TCP, .pad = 0},
        koi_service{.mode = KOI_SERVICE_HTTP, .number = 1, .pool = 0, .name = "web"});
  }
}

void L4Stage::SetSettings(bool deny) const {
  koi_settings settings = {};
  settings.abi_version = KOI_ABI_VERSION;
  settings.hash_seed = 0x5eed;
  std::copy(kOurMac.begin(), kOurMac.end(), settings.own_mac);
  settings.cpu_count = 1;
  settings.cpus[0] = static_cast<uint16_t>(sched_getcpu());
  settings.deny = deny ? 1 : 0;
  settings.ring_seed = 0x5eed5eed;
  settings.flow_keys[0] = 0x0123456789abcdef;
  settings.flow_keys[1] = 0xfedcba9876543210;
  settings.tunnel4 = {.addr = Addr("10.0.9.0"), .spread = 0xff};
  settings.tunnel6 = {.addr = Addr("2001:db8:9::"), .spread = 0xffff};
  settings.own_ip4 = Addr("10.0.0.9");
  settings.own_ip6 = Addr("2001:db8::9");
  settings.idle_tcp_ns = 7500 * kSecond;
  settings.idle_udp_ns = 30 * kSecond;
  settings.handshake_ns = 4 * kSecond;
  settings.full_ns = 5 * kSecond;
  Set(MapFd("koi_settings"), kOnlyEntry, settings);
  const bpf_cpumap_val queue = {.qsize = 2048, .bpf_prog = {}};
  Set(MapFd("koi_cpus"), uint32_t{settings.cpus[0]}, queue);
}

void L4Stage::MakeRing() {
  ring_ = MakeInner(MapFd("koi_rings"), "ring", sizeof(koi_slot));
  times_ = MakeInner(MapFd("koi_slots"), "slots", sizeof(koi_slot_times));
}

void L4Stage::ForwardBy(koi_forward forward, uint32_t egress_ifindex) {
  Set(MapFd("koi_pools"), kPool,
      koi_pool{.forward = forward,
               .affinity = KOI_AFFINITY_FLOW,
               .on_down = KOI_ON_DOWN_LEAVE,
               .ring_slots = kSlots,
               .name = "l4"});
  const Fd backends = MapFd("koi_backends");
  for (uint32_t i = 0; i < kBackends; ++i) {
    koi_backend backend = {};
    backend.admin = KOI_BACKEND_ENABLED;
    backend.health = KOI_BACKEND_UP;
    backend.addr = Addr(absl::StrCat("10.0.2.", 1 + i));
    std::copy(kOtherMac.begin(), kOtherMac.end(), backend.to_mac);
    std::copy(kOurMac.begin(), kOurMac.end(), backend.from_mac);
    backend.mtu = 1500;
    backend.egress_ifindex = egress_ifindex;
    Set(backends, kFirstBackend + i, backend);
  }
}

void L4Stage::MoveSlots(uint32_t percent) {
  static uint16_t epoch = 0;
  ++epoch;
  const auto now = static_cast<uint64_t>(ToNanoseconds(Now()));
  std::vector<koi_slot> slots(kSlots);
  for (uint32_t i = 0; i < kSlots; ++i) {
    const auto backend = static_cast<uint16_t>(kFirstBackend + i % kBackends);
    slots[i] = {.current = backend,
                .previous = backend,
                .epoch = epoch,
                .moved = static_cast<uint16_t>(i % 100 < percent ? 1 : 0)};
  }
  SetAll(times_, std::vector<koi_slot_times>(
                     kSlots, koi_slot_times{.left_rest_ns = now, .previous_used_ns = now}));
  SetAll(ring_, slots);
  const Fd flows = MapFd("koi_flows");
  for (const koi_flow_key& key : FlowKeys(flows)) bpf_map_delete_elem(flows.get(), &key);
  Set(MapFd("koi_flow_state"), kOnlyEntry, koi_flow_state{});
}

// Of /24 and /48, so that the trie has nodes on every level.
void L4Stage::DenyOthers(uint32_t prefixes) {
  SetSettings(true);
  if (denied_) return;
  denied_ = true;
  const Fd deny4 = MapFd("koi_deny4");
  const Fd deny6 = MapFd("koi_deny6");
  const koi_deny value = {.since = 0};
  for (uint32_t i = 0; i < prefixes; ++i) {
    const uint32_t spread = (i * 2654435761U) >> 8 << 8;
    if (spread >> 17 == 0xc612U >> 1) continue;  // 198.18.0.0/15: the clients'
    Set(deny4, koi_deny4_key{.prefix_bits = 24, .addr_be = htonl(spread)}, value);
    koi_deny6_key key = {.prefix_bits = 48, .addr = Addr("fd00::")};
    key.addr.words_be[0] = htonl(0xfd000000 | spread >> 8);
    Set(deny6, key, value);
  }
}

void L4Stage::DenyNobody() { SetSettings(false); }

}  // namespace koi::bench
