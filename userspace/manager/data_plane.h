// SPDX-License-Identifier: Apache-2.0
// The BPF side as the manager owns it: programs loaded, maps pinned and filled from the
// configuration, connections to the VIPs given to the workers' listeners.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/config.h"
#include "dataplane/backend_map.h"
#include "dataplane/deny_map.h"
#include "dataplane/explainer.h"
#include "dataplane/l4_maps.h"
#include "dataplane/loader.h"
#include "dataplane/service_map.h"
#include "dataplane/steering_maps.h"
#include "dataplane/verdict_map.h"
#include "dataplane/vip_map.h"
#include "manager/l4/ring_keeper.h"
#include "manager/worker_listener.h"

namespace koi {

class DataPlane {
 public:
  // Loads the programs and pins the maps below node.bpffs: new ones, or those of the manager before
  // this one.
  static absl::StatusOr<DataPlane> Load(const Config& config, ExistingMaps existing);

  // Makes settings, CPUs and listeners what they should be, whatever they were.
  absl::Status SetUpSteering(const Config& config, const std::vector<WorkerListener>& listeners);

  // What `config` has is there afterwards and, by the second of each pair, nothing else. Whoever
  // changes a running node knows what must come first.
  absl::Status AddVips(const Config& config);
  absl::Status RemoveOtherVips(const Config& config);
  absl::Status AddL4Pools(const Config& config);  // koi_pools; rings are made elsewhere
  absl::Status RemoveOtherL4Pools(const Config& config);
  absl::Status AddServices(const Config& config);
  absl::Status RemoveOtherServices(const Config& config);

  // From now on the kernel asks koi_sk_lookup where connections to this network namespace go. The
  // link is pinned; the descriptor is for the keeper.
  absl::StatusOr<Fd> TakeLookups();

  // Follows what may change while koi runs: the interface's MAC and addresses, and [xdp].
  absl::Status RefreshSettings(const Config& config);

  absl::StatusOr<BackendMap> OpenBackends() const;
  absl::StatusOr<RingKeeper> OpenRings() const;
  absl::StatusOr<DenyMap> OpenDenied() const;
  // Whether packets for VIPs are looked up in there.
  absl::Status SetDeny(bool any);
  absl::StatusOr<Explanation> Explain(const ExplainedPacket& packet) const;
  absl::StatusOr<Fd> WorkerMap(int cpu) { return object_->WorkerMapFd(cpu); }
  absl::StatusOr<Fd> GatesMap() const { return object_->MapFd("koi_gates"); }
  int xdp_program_fd() const { return object_->xdp_program_fd(); }

  absl::StatusOr<std::vector<VerdictFigures>> Verdicts() const { return verdicts_.Read(); }
  absl::StatusOr<VipTraffic> TrafficOf(uint32_t vip_number) const {
    return vip_stats_.Read(vip_number);
  }
  absl::StatusOr<SteeredFigures> SteeredTo(int cpu) const { return steered_.Read(cpu); }
  // Of a backend of an l4 pool.
  absl::StatusOr<ForwardedFigures> ForwardedTo(uint32_t backend) const {
    return forwarded_.Read(backend);
  }
  // For the next backend of this number.
  absl::Status ClearForwarded(uint32_t backend) { return forwarded_.Clear(backend); }
  // Packets may leave by these interfaces, and by no others.
  absl::Status SetDevices(const std::vector<uint32_t>& ifindexes);

 private:
  struct Maps;
  DataPlane(std::unique_ptr<BpfObject> object, std::string pin_directory, Maps maps);

  std::unique_ptr<BpfObject> object_;
  std::string pin_directory_;
  SettingsMap settings_;
  CpuMap cpus_;
  ListenerMap listeners_;
  VipMap vips_;
  ServiceMap services_;
  VerdictMap verdicts_;
  VipStatsMap vip_stats_;
  SteeredMap steered_;
  L4PoolMap l4_pools_;
  ForwardedMap forwarded_;
  DeviceMap devices_;
};

}  // namespace koi
