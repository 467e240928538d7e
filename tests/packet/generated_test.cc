// SPDX-License-Identifier: Apache-2.0
// A hundred thousand frames, valid and mutated, the same in each run: what koi sends is well-formed
// whatever it was given, what it passes is unchanged, and each answer is a verdict's.
#include <bpf/bpf.h>

#include <cstdio>
#include <map>
#include <random>

#include "base/bytes.h"
#include "base/check.h"
#include "packet/l4_test.h"
#include "support/packet/strict.h"

namespace koi {
namespace {

constexpr int kFrames = 100'000;
constexpr int kFramesChecked = 1'000;  // of them between two looks at the verdicts

std::vector<Packet> Templates() {
  const absl::string_view router_alert("\x94\x04\x00\x00", 4);
  const Packet answer4 = Packet::Ethernet().Ip4(kL4Vip4, kClient4).Tcp(80, 40000);
  const Packet answer6 = Packet::Ethernet().Ip6(kL4Vip6, kClient6).Tcp(80, 40000);
  const std::string large(1445, 'x');
  return {
      L4Syn(),
      L4Syn6(),
      L4Syn().WithFlags("R"),
      L4Syn().PaddedTo(60),
      FromClient4().Tcp(40000, 443),
      FromClient6().Tcp(40000, 443),
      FromClient4().WithService(3).WithTtl(2).Udp(5000, 53).Payload("query"),
      FromClient6().WithService(0xb9).WithFlowLabel(7).Udp(5000, 53).Payload("query"),
      FromClient4().Udp(5000, 53).WithoutChecksum(),
      FromClient4().WithOptions(router_alert).Tcp(40000, 80),
      FromClient4().WithOptions(std::string(40, '\x01')).Udp(5000, 53),
      FromClient4().Fragment(0, true).Udp(5000, 53).Payload("12345678"),
      FromClient4().Fragment(16, false).Payload("x").WithProtocol(17),
      FromClient6().Fragment(0, true).Udp(5000, 53).Payload("12345678"),
      FromClient6().Fragment(16, false).Payload("x").WithProtocol(17),
      FromClient6().Fragment(0, false).Tcp(40000, 80),
      FromClient6().Extension(0).Extension(60, 16).Tcp(40000, 80),
      FromClient6().Extension(51, 24).Extension(60).Udp(5000, 53),
      FromClient4().Icmp(8, 0).Payload("ping"),
      FromClient4().Icmp(3, 4).WithMtu(1400).Quoting(answer4, 8),
      FromClient4().Icmp(11, 0).Quoting(answer4),
      FromClient6().Icmp(2, 0).WithMtu(1400).Quoting(answer6),
      FromClient4().WithDontFragment().Tcp(40000, 80).WithFlags("A").Payload(large),
      FromClient4().Tcp(40000, 80).WithFlags("A").Payload(large),
      FromClient6().Tcp(40000, 80).WithFlags("A").Payload(large),
      FromClient4().Carrying(L4Syn()),
      Packet::Ethernet().Ip4(kClient4, kOwnAddress4).Tcp(40000, 22),
      Packet::Ethernet().WithType(0x0806).Payload("arp"),
  };
}

class Generator {
 public:
  Generator() {
    for (const Packet& packet : Templates()) {
      for (const Packet& tagged : Tagged(packet)) frames_.push_back(tagged.Bytes());
    }
  }

  struct Frame {
    std::string bytes;
    bool valid = false;
  };

  Frame Next() {
    Frame frame = {.bytes = frames_[Below(frames_.size())], .valid = Below(4) == 0};
    if (frame.valid) return frame;
    for (size_t i = Below(3) + 1; i > 0; --i) Mutate(frame.bytes);
    if (Below(2) == 0) RepairChecksum(frame.bytes);
    return frame;
  }

 private:
  size_t Below(size_t limit) { return random_() % limit; }

  // Mostly in the headers: payloads are not read.
  size_t Place(const std::string& bytes) {
    return Below(Below(8) == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 90));
  }

  void Mutate(std::string& bytes) {
    const size_t at = Place(bytes);
    switch (Below(8)) {
      case 0: bytes[at] = static_cast<char>(random_()); return;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ 1 << Below(8)); return;
      case 2: bytes[at] = static_cast<char>(bytes[at] + (Below(2) == 0 ? 1 : -1)); return;
      case 3: bytes[at] = Below(2) == 0 ? '\0' : '\xff'; return;
      case 4: bytes.resize(std::max<size_t>(at, 14)); return;
      case 5: bytes.resize(bytes.size() + Below(64)); return;
      case 6: bytes.insert(at, bytes.substr(at, Below(24))); return;
      default: bytes.erase(at, bytes.size() > 40 ? Below(16) : 0); return;
    }
  }

  // So that many are refused by nothing but what is wrong behind it.
  static void RepairChecksum(std::string& bytes) {
    size_t at = 12;
    while (bytes.size() > at + 6 && (bytes[at] == '\x81' || bytes[at] == '\x88')) at += 4;
    at += 2;
    if (bytes.size() <= at || (bytes[at] & 0xf0) != 0x40) return;
    const size_t header = static_cast<size_t>(bytes[at] & 15) * 4;
    if (header < 20 || bytes.size() < at + header) return;
    bytes[at + 10] = bytes[at + 11] = '\0';
    const uint16_t sum = InternetChecksum(absl::string_view(bytes).substr(at, header));
    bytes[at + 10] = static_cast<char>(sum >> 8);
    bytes[at + 11] = static_cast<char>(sum);
  }

  std::mt19937_64 random_{20'26};
  std::vector<std::string> frames_;
};

class GeneratedTest : public L4Test {
 protected:
  std::map<std::string, uint64_t> CountedByAction() {
    std::map<std::string, uint64_t> counted;
    const auto figures = runner.verdicts().Read();
    KOI_CHECK(figures.ok());
    for (const VerdictFigures& verdict : *figures) counted[verdict.action] += verdict.packets;
    return counted;
  }

  void Configure(int round) {
    const int ways = round % 3;
    backend.mtu = round % 2 == 0 ? 1500 : 1300;
    pool.forward = ways == 0 ? KOI_FORWARD_DSR : KOI_FORWARD_IPIP;
    WritePool();
    if (ways > 0) ForwardInTunnelTo(ways == 1 ? kBackend4 : kBackend6);
    WriteBackend();
    SetSlots({.current = kBackend,
              .previous = kBackend,
              .epoch = 1,
              .moved = static_cast<__u16>(round / 3 % 2)});
  }

  // Whether koi made it itself: an answer in a VIP's name.
  static bool IsAnswer(absl::string_view frame) {
    size_t at = 12;
    while (frame[at] == '\x81' || frame[at] == '\x88') at += 4;
    const bool ip6 = frame[at] == '\x86';
    const absl::string_view source = frame.substr(at + 2 + (ip6 ? 8 : 12), ip6 ? 16 : 4);
    return source == Address::Parse(ip6 ? kL4Vip6 : kL4Vip4)->wire();
  }

  void Judge(const Generator::Frame& frame, const Outcome& outcome) {
    if (outcome.action == "drop") return;
    if (outcome.action != "transmit") {
      ASSERT_EQ(outcome.frame, frame.bytes) << outcome;
      return;
    }
    const bool all = frame.valid || IsAnswer(outcome.frame);
    const absl::Status judged =
        CheckWellFormed(outcome.frame, all ? Checksums::kOfPayloads : Checksums::kOfHeaders);
    ASSERT_TRUE(judged.ok()) << judged << "\n" << Decoded(frame.bytes) << outcome;
  }
};

TEST_F(GeneratedTest, NothingMalformedLeavesAndEachAnswerIsAVerdicts) {
  Generator generator;
  std::map<std::string, uint64_t> total;
  for (int round = 0; round < kFrames / kFramesChecked; ++round) {
    Configure(round);
    if (round == kFrames / kFramesChecked / 2) AddLocalServices();
    const std::map<std::string, uint64_t> before = CountedByAction();
    std::map<std::string, uint64_t> expected = before;
    for (int i = 0; i < kFramesChecked; ++i) {
      const Generator::Frame frame = generator.Next();
      const Outcome outcome = runner.Answer(frame.bytes);
      Judge(frame, outcome);
      if (HasFatalFailure()) return;
      ++expected[outcome.action];
      ++total[outcome.action];
    }
    ASSERT_EQ(CountedByAction(), expected);
  }
  for (const char* action : {"pass", "drop", "transmit", "redirect"}) {
    EXPECT_GT(total[action], kFrames / 1000U) << action;
    std::printf("measured generated_%s %lu frames\n", action, total[action]);
  }
}

// The kernel gives up at a million; a change that comes near it should be noticed before.
TEST_F(GeneratedTest, VerifierHasLittleToWalk) {
  constexpr uint32_t kCeiling = 200'000;
  bpf_prog_info info = {};
  uint32_t bytes = sizeof(info);
  ASSERT_EQ(bpf_obj_get_info_by_fd(Object().xdp_program_fd(), &info, &bytes), 0);
  std::printf("measured verifier_insns %u\n", info.verified_insns);
  EXPECT_GT(info.verified_insns, 0U);
  EXPECT_LT(info.verified_insns, kCeiling);
}

}  // namespace
}  // namespace koi
