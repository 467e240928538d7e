// SPDX-License-Identifier: Apache-2.0
// Building a frame, and BPF_PROG_TEST_RUN.
#include "dataplane/explainer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <koi/abi/explained.h>
#include <koi/abi/settings.h>
#include <linux/bpf.h>
#include <netinet/in.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dataplane/map_calls.h"
#include "dataplane/verdict_map.h"

namespace koi {
namespace {

constexpr uint32_t kOnlyEntry = 0;
constexpr size_t kLeastFrameBytes = 60;
constexpr uint8_t kHops = 64;
constexpr char kFromMac[] = {2, 0, 0, 0, 0, 1};  // nobody's

void Put16(std::string& bytes, uint32_t value) {
  bytes.push_back(static_cast<char>(value >> 8));
  bytes.push_back(static_cast<char>(value));
}

// The sum of RFC 1071, not folded.
uint32_t AddUp(absl::string_view bytes, uint32_t sum) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    sum += i % 2 == 0 ? static_cast<uint32_t>(byte) << 8 : byte;
  }
  return sum;
}

void PutChecksum(std::string& bytes, size_t at, uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  uint32_t checksum = ~sum & 0xffff;
  if (checksum == 0) checksum = 0xffff;  // which is the same, and for UDP is not "none"
  bytes[at] = static_cast<char>(checksum >> 8);
  bytes[at + 1] = static_cast<char>(checksum);
}

// TCP or UDP, without data.
std::string Transport(const ExplainedPacket& packet) {
  std::string bytes;
  Put16(bytes, packet.client.port);
  Put16(bytes, packet.vip.port);
  const bool udp = packet.kind == ExplainedKind::kUdp;
  size_t checksum_at = 0;
  if (udp) {
    Put16(bytes, 8);  // its length
    checksum_at = bytes.size();
    Put16(bytes, 0);
  } else {
    constexpr uint32_t kHeaderWords = 5;
    constexpr uint32_t kSyn = 0x02;
    constexpr uint32_t kAck = 0x10;
    const bool syn = packet.kind == ExplainedKind::kTcpSyn;
    bytes.append({0, 0, 0, 1});                  // sequence number
    bytes.append({0, 0, 0, syn ? '\0' : '\1'});  // what was received
    Put16(bytes, kHeaderWords << 12 | (syn ? kSyn : kAck));
    Put16(bytes, 0xffff);  // window
    checksum_at = bytes.size();
    Put16(bytes, 0);
    Put16(bytes, 0);  // urgent
  }
  const uint32_t protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
  uint32_t sum =
      AddUp(packet.client.address.wire(), protocol + static_cast<uint32_t>(bytes.size()));
  sum = AddUp(packet.vip.address.wire(), sum);
  PutChecksum(bytes, checksum_at, AddUp(bytes, sum));
  return bytes;
}

std::string Ip4(const ExplainedPacket& packet, size_t payload_bytes, uint8_t protocol) {
  constexpr size_t kHeaderBytes = 20;
  constexpr size_t kChecksumAt = 10;
  std::string header = {0x45, 0};
  Put16(header, static_cast<uint32_t>(kHeaderBytes + payload_bytes));
  Put16(header, 0);       // identification
  Put16(header, 0x4000);  // "don't fragment"
  header.push_back(static_cast<char>(kHops));
  header.push_back(static_cast<char>(protocol));
  Put16(header, 0);
  header += packet.client.address.wire() + packet.vip.address.wire();
  PutChecksum(header, kChecksumAt, AddUp(header, 0));
  return header;
}

std::string Ip6(const ExplainedPacket& packet, size_t payload_bytes, uint8_t protocol) {
  std::string header = {0x60, 0, 0, 0};
  Put16(header, static_cast<uint32_t>(payload_bytes));
  header.push_back(static_cast<char>(protocol));
  header.push_back(static_cast<char>(kHops));
  return header + packet.client.address.wire() + packet.vip.address.wire();
}

const char* ChoiceName(koi_choice choice) {
  switch (choice) {
    case KOI_CHOICE_NONE: return "none";
    case KOI_CHOICE_AT_REST: return "at-rest";
    case KOI_CHOICE_ENTRY: return "entry";
    case KOI_CHOICE_RETRANSMISSION: return "retransmission";
    case KOI_CHOICE_NEW: return "new";
    case KOI_CHOICE_OLD: return "old";
    case KOI_CHOICE_TAKEN: return "taken";
    case KOI_CHOICE_FULL: return "full";
    case KOI_CHOICE_DOWN: return "down";
  }
  return "none";  // of a newer koi
}

Explanation FromAbi(const koi_explained& found) {
  const VerdictFigures verdict = VerdictOf(found.verdict);
  Explanation explanation{.verdict = verdict.name,
                          .action = verdict.action,
                          .help = verdict.help,
                          .choice = ChoiceName(found.choice),
                          .backend = found.backend};
  if (found.has_service != 0) explanation.service = found.service;
  if (found.verdict == KOI_VERDICT_STEERED) explanation.cpu = found.cpu;
  if (found.has_slot != 0) {
    explanation.slot = {.pool = found.pool,
                        .number = found.slot_number,
                        .current = found.slot.current,
                        .previous = found.slot.previous,
                        .epoch = found.slot.epoch,
                        .moved = found.slot.moved != 0};
  }
  if (found.has_flow != 0) {
    explanation.flow = {.backend = found.flow.backend,
                        .epoch = found.flow.epoch,
                        .used = FromNanoseconds(found.flow.used_ns)};
  }
  return explanation;
}

}  // namespace

absl::StatusOr<std::string> BuildExplainedFrame(const ExplainedPacket& packet,
                                                const uint8_t (&mac)[6]) {
  const bool ip4 = packet.vip.address.is_ip4();
  if (packet.client.address.is_ip4() != ip4) {
    return absl::InvalidArgumentError(absl::StrCat("client ", packet.client.ToString(), " and VIP ",
                                                   packet.vip.ToString(),
                                                   " are not of one family: no packet has both"));
  }
  const uint8_t protocol = packet.kind == ExplainedKind::kUdp ? IPPROTO_UDP : IPPROTO_TCP;
  const std::string transport = Transport(packet);
  std::string frame(reinterpret_cast<const char*>(mac), sizeof(mac));
  frame.append(kFromMac, sizeof(kFromMac));
  Put16(frame, ip4 ? 0x0800 : 0x86dd);
  frame += ip4 ? Ip4(packet, transport.size(), protocol) : Ip6(packet, transport.size(), protocol);
  frame += transport;
  if (frame.size() < kLeastFrameBytes) frame.resize(kLeastFrameBytes, '\0');
  return frame;
}

absl::StatusOr<Explanation> Explainer::Explain(const ExplainedPacket& packet) {
  KOI_ASSIGN_OR_RETURN(
      const koi_settings settings,
      map_calls::Get<koi_settings>(settings_.get(), kOnlyEntry, "cannot read koi_settings"));
  KOI_ASSIGN_OR_RETURN(const std::string frame, BuildExplainedFrame(packet, settings.own_mac));
  std::string changed(frame.size() + 256, '\0');  // the program may have put a tunnel around it
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = frame.data();
  options.data_size_in = static_cast<__u32>(frame.size());
  options.data_out = changed.data();
  options.data_size_out = static_cast<__u32>(changed.size());
  options.repeat = 1;
  if (bpf_prog_test_run_opts(program_.get(), &options) != 0) {
    return absl::ErrnoToStatus(errno, "cannot run koi_explain");
  }
  KOI_ASSIGN_OR_RETURN(
      const koi_explained found,
      map_calls::Get<koi_explained>(explained_.get(), kOnlyEntry, "cannot read koi_explained"));
  return FromAbi(found);
}

}  // namespace koi
