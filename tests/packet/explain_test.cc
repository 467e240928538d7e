// SPDX-License-Identifier: Apache-2.0
// koi_explain says of a packet what koi_xdp does with it, and changes nothing.
#include <bpf/bpf.h>
#include <koi/abi/deny.h>

#include "dataplane/explainer.h"
#include "packet/l4_test.h"

namespace koi {
namespace {

class ExplainTest : public L4Test {
 protected:
  absl::StatusOr<Explanation> Explain(const std::string& client, const std::string& vip,
                                      ExplainedKind kind = ExplainedKind::kTcpSyn) {
    const ExplainedPacket packet = {.client = Endpoint::Parse(client).value(),
                                    .vip = Endpoint::Parse(vip).value(),
                                    .kind = kind};
    return Explainer(Fd::DuplicateOf(Object().explain_program_fd()).value(), MapFd("koi_explained"),
                     MapFd("koi_settings"))
        .Explain(packet);
  }
  std::string ExplainedVerdict(const std::string& client, const std::string& vip,
                               ExplainedKind kind = ExplainedKind::kTcpSyn) {
    return Explain(client, vip, kind).value().verdict;
  }
};

TEST_F(ExplainTest, VerdictIsThatOfTheProgramForEachKindAndFamily) {
  EXPECT_EQ(ExplainedVerdict("192.0.2.7:40000", "10.0.0.100:80"), VerdictFor(L4Syn()));
  EXPECT_EQ(ExplainedVerdict("[2001:db8:7::7]:40000", "[2001:db8::100]:80"), VerdictFor(L4Syn6()));
  EXPECT_EQ(ExplainedVerdict("192.0.2.7:40000", "10.0.0.100:53", ExplainedKind::kUdp), "FORWARDED");
  EXPECT_EQ(ExplainedVerdict("[2001:db8:7::7]:40000", "[2001:db8::100]:53", ExplainedKind::kUdp),
            "FORWARDED");
  EXPECT_EQ(ExplainedVerdict("192.0.2.7:40000", "10.0.0.1:443"), "STEERED");
  EXPECT_EQ(ExplainedVerdict("192.0.2.7:40000", "10.0.0.100:81"), "NO_L4_SERVICE");
  EXPECT_EQ(ExplainedVerdict("192.0.2.7:40000", "10.0.0.77:80"), "NOT_OURS");
  EXPECT_EQ(ExplainedVerdict("127.0.0.1:40000", "10.0.0.100:80"), "BAD_SOURCE");
  EXPECT_OK(gates.Close(kGroup));
  EXPECT_EQ(ExplainedVerdict("192.0.2.7:40000", "10.0.0.100:80"), "GATE_CLOSED_L4");
}

TEST_F(ExplainTest, LocalServiceIsThatOfAWorkersCpu) {
  const Explanation found = Explain("192.0.2.7:40000", "10.0.0.1:443").value();
  EXPECT_TRUE(found.service.has_value());
  EXPECT_EQ(found.cpu, static_cast<uint32_t>(kWorkerCpu));
  EXPECT_FALSE(found.slot.has_value());
  EXPECT_EQ(found.action, "redirect");
  EXPECT_EQ(found.choice, "none");
}

TEST_F(ExplainTest, SlotAtRestNamesItsBackend) {
  const Explanation found =
      Explain("192.0.2.7:40000", "10.0.0.100:80", ExplainedKind::kTcp).value();
  EXPECT_EQ(found.choice, "at-rest");
  EXPECT_EQ(found.backend, kBackend);
  ASSERT_TRUE(found.slot.has_value());
  EXPECT_EQ(found.slot->pool, kPool);
  EXPECT_EQ(found.slot->current, kBackend);
  EXPECT_FALSE(found.slot->moved);
  EXPECT_FALSE(found.flow.has_value());
  EXPECT_FALSE(found.help.empty());
}

TEST_F(ExplainTest, SlotThatChangedTellsOldFlowsFromNewAndThoseWithAnEntry) {
  SetSlots({.current = kBackend, .previous = kBackend + 1, .epoch = 7, .moved = 1});
  EXPECT_EQ(Explain("192.0.2.7:40000", "10.0.0.100:80", ExplainedKind::kTcp)->choice, "old");
  const Explanation opens = Explain("192.0.2.7:40000", "10.0.0.100:80").value();
  EXPECT_EQ(opens.choice, "new");
  EXPECT_EQ(opens.slot->previous, kBackend + 1);
  EXPECT_EQ(opens.slot->epoch, 7U);
  EXPECT_EQ(CountFlows(), 0U) << "nobody has sent anything";

  ASSERT_EQ(VerdictFor(L4Syn()), "FORWARDED");
  ASSERT_EQ(CountFlows(), 1U);
  const Explanation known =
      Explain("192.0.2.7:40000", "10.0.0.100:80", ExplainedKind::kTcp).value();
  EXPECT_EQ(known.choice, "entry");
  ASSERT_TRUE(known.flow.has_value());
  EXPECT_EQ(known.flow->backend, kBackend);
  EXPECT_EQ(known.flow->epoch, 7U);
}

TEST_F(ExplainTest, NothingIsCounted) {
  const VerdictMap verdicts(MapFd("koi_verdicts"));
  const auto sum = [&] {
    uint64_t packets = 0;
    const std::vector<VerdictFigures> figures = verdicts.Read().value();
    for (const VerdictFigures& verdict : figures) packets += verdict.packets;
    return packets;
  };
  const uint64_t before = sum();
  const uint64_t for_vip = vip_stats.Read(kL4Vip4Number)->packets;
  EXPECT_EQ(ExplainedVerdict("192.0.2.7:40000", "10.0.0.100:80"), "FORWARDED");
  EXPECT_EQ(ExplainedVerdict("192.0.2.7:40000", "10.0.0.1:443"), "STEERED");
  EXPECT_EQ(sum(), before);
  EXPECT_EQ(vip_stats.Read(kL4Vip4Number)->packets, for_vip);
}

TEST_F(ExplainTest, DeniedClientIsSaidToBe) {
  const koi_deny4_key key = {.prefix_bits = 24, .addr_be = htonl(0xc0000200)};  // 192.0.2.0/24
  const koi_deny value = {};
  ASSERT_EQ(bpf_map_update_elem(MapFd("koi_deny4").get(), &key, &value, 0), 0);
  l4_settings.deny = 1;
  WriteSettings();
  EXPECT_EQ(ExplainedVerdict("192.0.2.7:40000", "10.0.0.100:80"), "DENIED");
  EXPECT_EQ(ExplainedVerdict("192.0.3.7:40000", "10.0.0.100:80"), "FORWARDED");
  EXPECT_EQ(bpf_map_delete_elem(MapFd("koi_deny4").get(), &key), 0);
}

TEST_F(ExplainTest, ClientOfAnotherFamilyIsNoPacket) {
  const auto mixed = Explain("192.0.2.7:40000", "[2001:db8::100]:80");
  EXPECT_TRUE(absl::IsInvalidArgument(mixed.status()));
}

}  // namespace
}  // namespace koi
