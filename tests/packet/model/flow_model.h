// SPDX-License-Identifier: Apache-2.0
// The rules of l4 flows once more, written down from the design alone, both halves of them: what
// koi_xdp does with a packet and what koi-manager does with the slots. Each rule can be left out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "manager/l4/pool_keeper.h"

namespace koi {

// A rule of the design's table; some say two things.
enum class Rule {
  kNone,
  kPreviousStays,     // R1: later changes touch `current` alone
  kReturnIsMoved,     // R2: A, B, A is still moved
  kQuiet,             // R3: rests only after T without a packet to `previous`
  kEntriesElsewhere,  // R3: and without a live entry that names another backend
  kEpoch,             // R4
  kRetransmission,    // R5: the same SYN stays
  kReuse,             // R5: another SYN is new
  kHandshake,         // R6
  kNeverEvicted,      // R7: no entry is lost for another one
  kFullToPrevious,    // R7: where no entry can be made, `previous`
  kAfterFull,         // R7: and for a time after
  kNumberInUse,       // R8
  kFollowDown,        // R9
  kRingIsTheTruth,    // R10
  kDatagrams,         // R11
  kErrors,            // R12
};

struct ModelPacket {
  int flow = 0;  // the tuple
  uint32_t slot = 0;
  bool udp = false;
  bool syn = false;
  bool about = false;  // an ICMP error
  bool piece = false;  // the first fragment of a packet
  uint32_t sequence = 0;
};

struct ModelBackend {
  std::string name = {};
  uint32_t weight = 100;
  bool enabled = true;
  bool down = false;
};

class FlowModel {
 public:
  struct Setup {
    uint32_t slots = 0;
    size_t flows = 0;  // entries there is room for
    bool leave_down = true;
    L4Times times = {};
  };
  FlowModel(const Setup& setup, Rule left_out);

  // koi-manager.
  std::map<uint16_t, ModelBackend> backends = {};  // by number
  void Tick(TimePoint now);
  void Restart();
  bool Names(uint16_t backend) const;
  bool MayFree(uint16_t backend) const {
    return left_out_ == Rule::kNumberInUse || !Names(backend);
  }

  // koi_xdp. A backend's number; 0: none.
  uint16_t Send(const ModelPacket& packet, TimePoint now);

  uint32_t moved() const;
  TimePoint full() const { return full_; }
  std::string Describe(const ModelPacket& packet) const;

 private:
  struct Slot {
    uint16_t current = 0;
    uint16_t previous = 0;
    uint16_t epoch = 0;
    bool moved = false;
    TimePoint left_rest = {};
    TimePoint previous_used = {};
    int changed = 0;  // how many looks had begun
  };
  struct Entry {
    uint16_t backend = 0;
    uint16_t epoch = 0;
    uint32_t slot = 0;
    uint32_t sequence = 0;
    bool udp = false;
    TimePoint used = {};
  };

  bool Has(Rule rule) const { return left_out_ != rule; }
  bool Lost(uint16_t backend) const;
  void Plan(Slot& slot, uint16_t wanted, TimePoint now);
  void Look(const std::vector<uint16_t>& wanted, TimePoint now);
  uint16_t Begin(const ModelPacket& packet, Slot& slot, Entry* record, TimePoint now);
  bool WasJustFull(const ModelPacket& packet, TimePoint now) const;
  uint16_t ToPrevious(Slot& slot, TimePoint now);
  bool Enter(const ModelPacket& packet, const Slot& slot, uint16_t backend, TimePoint now);

  const Setup setup_;
  const Rule left_out_;
  std::vector<Slot> slots_;
  std::map<int, Entry> entries_;  // by tuple
  TimePoint full_ = {};
  TimePoint look_began_ = {};
  int looks_ = 0;
};

}  // namespace koi
