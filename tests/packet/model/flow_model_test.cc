// SPDX-License-Identifier: Apache-2.0
// No flow of an l4 service moves: a model of the rules against koi_xdp and koi-manager's keeper of
// rings, on chance. That the test would see a rule that is missing, the model without it shows.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/strings/numbers.h"
#include "dataplane/bpffs.h"
#include "packet/model/real_node.h"
#include "packet/model/simulation.h"
#include "support/packet/sandbox.h"

namespace koi {
namespace {

constexpr uint32_t kSlots = 31;
constexpr size_t kAmple = 1000;
constexpr size_t kScarce = 12;

FlowModel::Setup With(size_t flows, bool leave_down) {
  return {.slots = kSlots, .flows = flows, .leave_down = leave_down, .times = Simulation::Times()};
}

// As many simulations as are asked for, else as few as `usual`.
uint32_t Seeds(uint32_t usual) {
  const char* asked = std::getenv("KOI_MODEL_SEEDS");
  uint32_t seeds = 0;
  return asked != nullptr && absl::SimpleAtoi(asked, &seeds) ? seeds : usual;
}

class FlowModelTest : public ::testing::Test {
 protected:
  // Runs `seeds` simulations and expects that both agree and nothing moves.
  void Compare(const FlowModel::Setup& setup, uint32_t seeds, int steps) {
    const std::string pins = NewPinDirectory();
    const auto object = BpfObject::Load(pins, ExistingMaps::kReplace,
                                        {.flows = static_cast<uint32_t>(setup.flows)});
    ASSERT_TRUE(object.ok()) << object.status();
    SimulationResult sum;
    for (uint32_t seed = 1; seed <= seeds; ++seed) {
      SCOPED_TRACE(seed);
      const SimulationResult result = RunOne(**object, setup, seed, steps);
      EXPECT_EQ(result.first, "");
      sum.packets += result.packets;
      sum.flows += result.flows;
      sum.moved_slots += result.moved_slots;
      sum.refused += result.refused;
    }
    std::printf("measured model_packets %lu packets\n", sum.packets);
    std::printf("measured model_flows %lu flows\n", sum.flows);
    std::printf("measured model_moved_slots %.1f percent\n",
                100.0 * static_cast<double>(sum.moved_slots) / kSlots / seeds / steps);
    std::printf("measured model_full %lu times\n", sum.refused);
    EXPECT_TRUE(RemovePins(pins).ok());
  }

  // Again where the machine was too busy for times to be true.
  static SimulationResult RunOne(const BpfObject& object, const FlowModel::Setup& setup,
                                 uint32_t seed, int steps) {
    for (int attempt = 1;; ++attempt) {
      KernelNode real(object, setup);
      Simulation simulation(setup, Rule::kNone, seed, &real);
      SimulationResult result = simulation.Run(steps);
      if (result.first.empty() || !real.disturbed() || attempt == 5) return result;
    }
  }
};

TEST_F(FlowModelTest, ProgramAndKeeperDoWhatTheModelSaysAndNoFlowMoves) {
  Compare(With(kAmple, /*leave_down=*/true), Seeds(2), 700);
}

TEST_F(FlowModelTest, FlowsOfDownBackendsStayWhereThePoolSaysSo) {
  Compare(With(kAmple, /*leave_down=*/false), Seeds(1), 700);
}

TEST_F(FlowModelTest, NoFlowMovesWhereEntriesAreScarce) {
  Compare(With(kScarce, /*leave_down=*/true), Seeds(2), 700);
}

struct LeftOut {
  Rule rule;
  const char* name;
  size_t flows = kAmple;
  uint32_t first_seed = 1;  // where it takes a rare chance
};

constexpr LeftOut kLeftOut[] = {
    {Rule::kPreviousStays, "R1: previous stays"},
    {Rule::kReturnIsMoved, "R2: a slot that returns is still moved"},
    {Rule::kQuiet, "R3: nobody needs previous"},
    {Rule::kEntriesElsewhere, "R3: no entry names another backend"},
    {Rule::kEpoch, "R4: the epoch goes up", kAmple, 91},
    {Rule::kRetransmission, "R5: the same SYN stays"},
    {Rule::kReuse, "R5: another SYN is new"},
    {Rule::kHandshake, "R6: planned changes wait"},
    {Rule::kNeverEvicted, "R7: entries are never evicted", kScarce},
    {Rule::kFullToPrevious, "R7: without an entry, to previous", kScarce},
    {Rule::kAfterFull, "R7: and for a time after", kScarce},
    {Rule::kNumberInUse, "R8: a number that is named is not given again"},
    {Rule::kFollowDown, "R9: previous follows when it is down"},
    {Rule::kRingIsTheTruth, "R10: a new manager takes the ring as it is"},
    {Rule::kDatagrams, "R11: datagrams are taken over"},
    {Rule::kErrors, "R12: errors and pieces go where their flow goes"},
};

TEST_F(FlowModelTest, EveryRuleLeftOutMovesFlows) {
  for (const LeftOut& left_out : kLeftOut) {
    SCOPED_TRACE(left_out.name);
    uint32_t seed = left_out.first_seed;
    SimulationResult result;
    for (; seed <= 200 && result.moved_flows == 0; ++seed) {
      result = Simulation(With(left_out.flows, true), left_out.rule, seed, nullptr).Run(1500);
    }
    EXPECT_GT(result.moved_flows, 0U);
    std::printf("%-50s seed %u: %s\n", left_out.name, seed - 1, result.first.c_str());
  }
}

TEST_F(FlowModelTest, ModelWithEveryRuleMovesNone) {
  for (uint32_t seed = 1; seed <= Seeds(12); ++seed) {
    SCOPED_TRACE(seed);
    EXPECT_EQ(
        Simulation(With(seed % 2 ? kAmple : kScarce, seed % 3 != 0), Rule::kNone, seed, nullptr)
            .Run(1500)
            .first,
        "");
  }
}

}  // namespace
}  // namespace koi
