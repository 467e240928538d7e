// SPDX-License-Identifier: Apache-2.0
// Random clients and operators: flows that send SYNs again, reuse tuples, idle; backends that come,
// go, drain, come back, change weight, go down and up; managers that start anew. It remembers where
// each flow was and counts those that moved.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "packet/model/flow_model.h"

namespace koi {

// The real thing, told and asked the same as the model.
class RealNode {
 public:
  virtual ~RealNode() = default;
  virtual uint32_t SlotOf(int flow, bool udp) = 0;
  virtual void Tick(const std::map<uint16_t, ModelBackend>& backends, TimePoint now) = 0;
  virtual void Restart(const std::map<uint16_t, ModelBackend>& backends, TimePoint now) = 0;
  virtual uint16_t Send(const ModelPacket& packet, TimePoint now) = 0;
  // Whether nothing names the backend.
  virtual bool Free(uint16_t backend) = 0;
  virtual uint32_t moved() = 0;
};

struct SimulationResult {
  uint64_t packets = 0;
  uint64_t flows = 0;
  uint64_t moved_flows = 0;
  uint64_t disagreements = 0;
  uint64_t moved_slots = 0;  // summed over all steps
  uint64_t refused = 0;      // steps with koi_flows full
  std::string first = {};    // what went wrong first
};

class Simulation {
 public:
  // All times are such that no sum of them is near a multiple of it.
  static constexpr Duration kStep = std::chrono::milliseconds(800);
  static L4Times Times();
  static constexpr uint16_t kFirstNumber = 1100;
  static constexpr uint16_t kNumbers = 9;
  static constexpr int kTcpFlows = 48;
  static constexpr int kFlows = 72;

  // `real` may be nullptr.
  Simulation(const FlowModel::Setup& setup, Rule left_out, uint32_t seed, RealNode* real);
  SimulationResult Run(int steps);

 private:
  struct Client {
    bool udp = false;
    uint32_t slot = 0;
    bool alive = false;
    uint32_t sequence = 0;
    TimePoint began = {};
    TimePoint last = {};
    double pace = 0;           // packets a step
    uint16_t backend = 0;      // 0: not known, it was lost
    uint64_t incarnation = 0;  // of the backend
  };

  bool Chance(double probability);
  uint32_t Pick(uint32_t count) { return static_cast<uint32_t>(random_() % count); }
  void ChangeSomething();
  void Add();
  void FreeNumbers();
  void GoDown(uint16_t number);
  void Serve(int flow);
  void Begin(int flow);
  void Send(int flow, bool syn, bool about);
  void Judge(int flow, const ModelPacket& packet, uint16_t backend);
  void Wrong(uint64_t& count, const std::string& what);

  const FlowModel::Setup setup_;
  FlowModel model_;
  RealNode* const real_;
  std::mt19937 random_;
  TimePoint now_;
  std::vector<Client> clients_;
  std::map<uint16_t, uint64_t> incarnations_;
  std::map<uint16_t, TimePoint> not_since_;  // gets no new flows
  uint64_t made_ = 0;
  SimulationResult result_;
};

}  // namespace koi
