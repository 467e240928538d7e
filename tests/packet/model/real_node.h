// SPDX-License-Identifier: Apache-2.0
// koi_xdp and koi-manager's keeper of rings on real maps, with the clock of a simulation.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "dataplane/loader.h"
#include "manager/l4/ring_keeper.h"
#include "packet/model/simulation.h"
#include "support/packet/packet.h"
#include "support/packet/program_runner.h"

namespace koi {

class KernelNode : public RealNode {
 public:
  // `object` outlives it and has nobody else's rings and flows.
  KernelNode(const BpfObject& object, const FlowModel::Setup& setup);
  ~KernelNode() override;

  uint32_t SlotOf(int flow, bool udp) override;
  void Tick(const std::map<uint16_t, ModelBackend>& backends, TimePoint now) override;
  void Restart(const std::map<uint16_t, ModelBackend>& backends, TimePoint now) override;
  uint16_t Send(const ModelPacket& packet, TimePoint now) override;
  bool Free(uint16_t backend) override { return keeper_->Free(backend); }
  uint32_t moved() override;

  // The machine was busy with something else for so long that times may be wrong.
  bool disturbed() const { return disturbed_; }

 private:
  void Set(const char* map, const void* key, const void* value);
  void SetUpService();
  void WriteBackend(uint16_t number, const ModelBackend& backend);
  void StartKeeper(TimePoint now);
  void SetClock(TimePoint now);
  uint16_t Run(const Packet& packet);

  const BpfObject& object_;
  const FlowModel::Setup setup_;
  ProgramRunner runner_;
  std::optional<RingKeeper> keeper_;
  TimePoint clock_set_ = {};
  bool disturbed_ = false;
};

}  // namespace koi
