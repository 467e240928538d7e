// SPDX-License-Identifier: Apache-2.0
// Loading, and whole-object reconciliation of the maps with the configuration.
#include "manager/data_plane.h"

#include <sys/random.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "dataplane/links.h"
#include "manager/l4/l4_settings.h"
#include "net/netlink.h"

namespace koi {
namespace {

// What is asked about the interface.
struct OwnInterface {
  MacAddress mac = {};
  std::vector<Address> addresses = {};  // VIPs left out; only where there are l4 services
};

absl::StatusOr<OwnInterface> FindOwn(const Config& config) {
  KOI_ASSIGN_OR_RETURN(Netlink netlink, Netlink::Open());
  KOI_ASSIGN_OR_RETURN(const Interface found, netlink.FindInterface(config.node.interface));
  OwnInterface own{.mac = found.mac};
  if (!HasL4(config)) return own;
  KOI_ASSIGN_OR_RETURN(const auto addresses, netlink.Addresses(found.index));
  for (const InterfaceAddress& address : addresses) {
    const bool is_vip =
        std::any_of(config.vips.begin(), config.vips.end(),
                    [&](const VipConfig& vip) { return vip.address == address.address; });
    if (!is_vip) own.addresses.push_back(address.address);
  }
  return own;
}

std::vector<uint8_t> ProtocolsOf(const ServiceConfig& service) {
  std::vector<uint8_t> protocols;
  if (!service.is_l4() || service.protocols.tcp) protocols.push_back(IPPROTO_TCP);
  if (service.is_l4() && service.protocols.udp) protocols.push_back(IPPROTO_UDP);
  return protocols;
}

std::vector<ServiceEntry> ServicesOf(const Config& config) {
  std::vector<ServiceEntry> entries;
  for (const ServiceConfig& service : config.services) {
    for (const Endpoint& endpoint : service.listen) {
      const auto vip = std::find_if(
          config.vips.begin(), config.vips.end(),
          [&](const VipConfig& candidate) { return candidate.address == endpoint.address; });
      KOI_CHECK(vip != config.vips.end());  // the configuration was checked
      for (const uint8_t protocol : ProtocolsOf(service)) {
        entries.push_back(
            {.vip_number = vip->number,
             .port = endpoint.port,
             .mode = service.mode,
             .number = service.number,
             .name = service.name,
             .protocol = protocol,
             .pool = service.is_l4() ? config.pools[service.pool.value()].number : 0});
      }
    }
  }
  return entries;
}

VipEntry EntryOf(const Config& config, const VipConfig& vip) {
  VipEntry entry{
      .address = vip.address, .number = vip.number, .group = config.carp[vip.group].number};
  for (const ServiceConfig& service : config.services) {
    for (const Endpoint& endpoint : service.listen) {
      if (endpoint.address != vip.address) continue;
      (service.is_l4() ? entry.l4 : entry.local) = true;
      if (endpoint.port == 0) entry.any_port = true;
    }
  }
  return entry;
}

}  // namespace

struct DataPlane::Maps {
  Fd settings, cpus, listeners, vips, services, verdicts, vip_stats, steered, l4_pools, forwarded,
      devices;
};

DataPlane::DataPlane(std::unique_ptr<BpfObject> object, std::string pin_directory, Maps maps)
    : object_(std::move(object)),
      pin_directory_(std::move(pin_directory)),
      settings_(std::move(maps.settings)),
      cpus_(std::move(maps.cpus)),
      listeners_(std::move(maps.listeners)),
      vips_(std::move(maps.vips)),
      services_(std::move(maps.services)),
      verdicts_(std::move(maps.verdicts)),
      vip_stats_(std::move(maps.vip_stats)),
      steered_(std::move(maps.steered)),
      l4_pools_(std::move(maps.l4_pools)),
      forwarded_(std::move(maps.forwarded)),
      devices_(std::move(maps.devices)) {}

absl::StatusOr<DataPlane> DataPlane::Load(const Config& config, ExistingMaps existing) {
  KOI_ASSIGN_OR_RETURN(std::unique_ptr<BpfObject> object,
                       BpfObject::Load(config.node.bpffs, existing, {.flows = config.xdp.flows}));
  Maps maps;
  const std::pair<const char*, Fd*> wanted[] = {
      {"koi_settings", &maps.settings},   {"koi_cpus", &maps.cpus},
      {"koi_listeners", &maps.listeners}, {"koi_vips", &maps.vips},
      {"koi_services", &maps.services},   {"koi_verdicts", &maps.verdicts},
      {"koi_vip_stats", &maps.vip_stats}, {"koi_steered", &maps.steered},
      {"koi_pools", &maps.l4_pools},      {"koi_forwarded", &maps.forwarded},
      {"koi_devices", &maps.devices},
  };
  for (const auto& [name, fd] : wanted) {
    KOI_ASSIGN_OR_RETURN(*fd, object->MapFd(name));
  }
  return DataPlane(std::move(object), config.node.bpffs, std::move(maps));
}

absl::Status DataPlane::SetUpSteering(const Config& config,
                                      const std::vector<WorkerListener>& listeners) {
  KOI_ASSIGN_OR_RETURN(Settings settings, settings_.Read());
  // Kept across managers: another seed would move every flow to another worker's CPU.
  while (settings.hash_seed == 0) {
    KOI_CHECK(::getrandom(&settings.hash_seed, sizeof(settings.hash_seed), 0) ==
              sizeof(settings.hash_seed));
  }
  const absl::StatusOr<OwnInterface> own = FindOwn(config);
  // Gone for now, since an earlier manager knew it: koi-carp waits for it, and so does this one.
  const bool known =
      !own.ok() && absl::IsNotFound(own.status()) && settings.own_mac != MacAddress{};
  if (!known) {
    KOI_RETURN_IF_ERROR(own.status());
    settings.own_mac = own->mac;
  }
  FillL4Settings(config, own.ok() ? own->addresses : std::vector<Address>(), settings.l4);
  settings.steer = config.xdp.steer;
  settings.cpus.clear();
  for (const WorkerListener& listener : listeners) {
    KOI_RETURN_IF_ERROR(listeners_.Set(listener.cpu, listener.family, listener.fd.get()));
    if (settings.cpus.empty() || settings.cpus.back() != listener.cpu)
      settings.cpus.push_back(listener.cpu);
  }
  for (const int cpu : settings.cpus) KOI_RETURN_IF_ERROR(cpus_.Set(cpu));
  return settings_.Write(settings);
}

absl::Status DataPlane::AddVips(const Config& config) {
  KOI_ASSIGN_OR_RETURN(const std::vector<VipEntry> present, vips_.List());
  for (const VipConfig& vip : config.vips) {
    const bool known = std::any_of(present.begin(), present.end(), [&](const VipEntry& entry) {
      return entry.address == vip.address;
    });
    // What was counted for an earlier VIP of this number is not this one's.
    if (!known) KOI_RETURN_IF_ERROR(vip_stats_.Clear(vip.number));
    KOI_RETURN_IF_ERROR(vips_.Set(EntryOf(config, vip)));
  }
  return absl::OkStatus();
}

absl::Status DataPlane::RemoveOtherVips(const Config& config) {
  KOI_ASSIGN_OR_RETURN(const std::vector<VipEntry> present, vips_.List());
  for (const VipEntry& vip : present) {
    const bool wanted =
        std::any_of(config.vips.begin(), config.vips.end(),
                    [&](const VipConfig& configured) { return configured.address == vip.address; });
    if (!wanted) KOI_RETURN_IF_ERROR(vips_.Remove(vip.address));
  }
  return absl::OkStatus();
}

absl::Status DataPlane::AddL4Pools(const Config& config) {
  for (const PoolConfig& pool : config.pools) {
    if (!pool.is_l4()) continue;
    KOI_RETURN_IF_ERROR(
        l4_pools_.Set({.number = pool.number, .options = pool.l4, .name = pool.name}));
  }
  return absl::OkStatus();
}

absl::Status DataPlane::RemoveOtherL4Pools(const Config& config) {
  KOI_ASSIGN_OR_RETURN(const std::vector<L4PoolEntry> present, l4_pools_.List());
  for (const L4PoolEntry& entry : present) {
    const bool stays = std::any_of(
        config.pools.begin(), config.pools.end(),
        [&](const PoolConfig& pool) { return pool.is_l4() && pool.number == entry.number; });
    if (!stays) KOI_RETURN_IF_ERROR(l4_pools_.Remove(entry.number));
  }
  return absl::OkStatus();
}

absl::Status DataPlane::SetDevices(const std::vector<uint32_t>& ifindexes) {
  KOI_ASSIGN_OR_RETURN(const std::vector<uint32_t> present, devices_.List());
  absl::Status status;
  for (const uint32_t ifindex : ifindexes) {
    if (std::find(present.begin(), present.end(), ifindex) == present.end()) {
      status.Update(devices_.Set(ifindex));
    }
  }
  for (const uint32_t ifindex : present) {
    if (std::find(ifindexes.begin(), ifindexes.end(), ifindex) == ifindexes.end()) {
      status.Update(devices_.Remove(ifindex));
    }
  }
  return status;
}

absl::Status DataPlane::AddServices(const Config& config) {
  for (const ServiceEntry& service : ServicesOf(config)) {
    KOI_RETURN_IF_ERROR(services_.Set(service));
  }
  return absl::OkStatus();
}

absl::Status DataPlane::RemoveOtherServices(const Config& config) {
  const std::vector<ServiceEntry> wanted = ServicesOf(config);
  KOI_ASSIGN_OR_RETURN(const std::vector<ServiceEntry> present, services_.List());
  for (const ServiceEntry& service : present) {
    const bool stays = std::any_of(wanted.begin(), wanted.end(), [&](const ServiceEntry& other) {
      return other.where() == service.where();
    });
    if (!stays) KOI_RETURN_IF_ERROR(services_.Remove(service.where()));
  }
  return absl::OkStatus();
}

absl::StatusOr<Fd> DataPlane::TakeLookups() {
  return AttachSkLookup(object_->sk_lookup_program_fd(),
                        absl::StrCat(pin_directory_, "/koi_sk_lookup_link"));
}

absl::Status DataPlane::RefreshSettings(const Config& config) {
  KOI_ASSIGN_OR_RETURN(const OwnInterface own, FindOwn(config));
  KOI_ASSIGN_OR_RETURN(const Settings before, settings_.Read());
  Settings settings = before;
  settings.own_mac = own.mac;
  settings.steer = config.xdp.steer;
  FillL4Settings(config, own.addresses, settings.l4);
  return settings == before ? absl::OkStatus() : settings_.Write(settings);
}

absl::StatusOr<RingKeeper> DataPlane::OpenRings() const {
  KOI_ASSIGN_OR_RETURN(RingMaps rings, RingMaps::Open(*object_));
  KOI_ASSIGN_OR_RETURN(Fd flows, object_->MapFd("koi_flows"));
  KOI_ASSIGN_OR_RETURN(Fd state, object_->MapFd("koi_flow_state"));
  return RingKeeper(std::move(rings), FlowMap(std::move(flows), std::move(state)));
}

absl::StatusOr<DenyMap> DataPlane::OpenDenied() const {
  KOI_ASSIGN_OR_RETURN(Fd deny4, object_->MapFd("koi_deny4"));
  KOI_ASSIGN_OR_RETURN(Fd deny6, object_->MapFd("koi_deny6"));
  return DenyMap(std::move(deny4), std::move(deny6));
}

absl::Status DataPlane::SetDeny(bool any) {
  KOI_ASSIGN_OR_RETURN(Settings settings, settings_.Read());
  if (settings.deny == any) return absl::OkStatus();
  settings.deny = any;
  return settings_.Write(settings);
}

absl::StatusOr<Explanation> DataPlane::Explain(const ExplainedPacket& packet) const {
  KOI_ASSIGN_OR_RETURN(Fd program, Fd::DuplicateOf(object_->explain_program_fd()));
  KOI_ASSIGN_OR_RETURN(Fd explained, object_->MapFd("koi_explained"));
  KOI_ASSIGN_OR_RETURN(Fd settings, object_->MapFd("koi_settings"));
  return Explainer(std::move(program), std::move(explained), std::move(settings)).Explain(packet);
}

absl::StatusOr<BackendMap> DataPlane::OpenBackends() const {
  KOI_ASSIGN_OR_RETURN(Fd fd, object_->MapFd("koi_backends"));
  return BackendMap::Open(std::move(fd));
}

}  // namespace koi
