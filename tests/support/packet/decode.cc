// SPDX-License-Identifier: Apache-2.0
// Decoding frames for failure messages.
#include "support/packet/decode.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/address.h"
#include "base/bytes.h"

namespace koi {
namespace {

class Decoder {
 public:
  explicit Decoder(absl::string_view frame) : rest_(frame) {}

  std::vector<std::string> Run() {
    if (Begin("ethernet", 14)) Ethernet();
    if (!rest_.empty()) Line("bytes", absl::BytesToHexString(rest_));
    return std::move(lines_);
  }

 private:
  // The next `bytes` become the header of `layer`, unless the frame ends before.
  bool Begin(const std::string& layer, size_t bytes) {
    if (rest_.size() < bytes) return false;
    layer_ = prefix_ + layer;
    header_ = ByteReader(rest_.substr(0, bytes));
    rest_.remove_prefix(bytes);
    return true;
  }

  void Line(absl::string_view field, const absl::AlphaNum& value) {
    lines_.push_back(absl::StrCat(layer_, ".", field, " ", value));
  }
  void Hex16(absl::string_view field) { Line(field, absl::StrFormat("0x%04x", header_.U16())); }
  void MacLine(absl::string_view field) {
    std::vector<std::string> parts;
    parts.reserve(6);
    for (int i = 0; i < 6; ++i) parts.push_back(absl::StrFormat("%02x", header_.U8()));
    Line(field, absl::StrJoin(parts, ":"));
  }
  void AddressLine(absl::string_view field, size_t bytes) {
    Line(field, Address::FromWire(header_.Bytes(bytes)).ToString());
  }
  void Options(size_t bytes) {
    if (bytes == 0 || rest_.size() < bytes) return;
    Line("options", absl::BytesToHexString(rest_.substr(0, bytes)));
    rest_.remove_prefix(bytes);
  }

  void Ethernet() {
    MacLine("destination");
    MacLine("source");
    Type();
  }

  void Type() {
    const uint16_t type = header_.U16();
    Line("type", absl::StrFormat("0x%04x", type));
    if ((type == 0x8100 || type == 0x88a8) && Begin("vlan", 4)) {
      Line("id", header_.U16());
      Type();
    }
    if (type == 0x0800) Ip4();
    if (type == 0x86dd) Ip6();
  }

  void Ip4() {
    if (!Begin("ipv4", 20)) return;
    const uint8_t first = header_.U8();
    Line("version", first >> 4);
    Line("header_words", first & 15);
    Line("service", header_.U8());
    Line("total_bytes", header_.U16());
    Hex16("identification");
    const uint16_t fragment = header_.U16();
    Line("fragment", absl::StrFormat("0x%04x", fragment));
    Line("time_to_live", header_.U8());
    const uint8_t protocol = header_.U8();
    Line("protocol", protocol);
    Hex16("checksum");
    AddressLine("source", 4);
    AddressLine("destination", 4);
    if ((first & 15) > 5) Options(static_cast<size_t>((first & 15) - 5) * 4);
    if ((fragment & 0x1fff) == 0) Transport(protocol);
  }

  void Ip6() {
    if (!Begin("ipv6", 40)) return;
    const uint32_t first = header_.U32();
    Line("version", first >> 28);
    Line("class_and_label", absl::StrFormat("0x%07x", first & 0xfffffff));
    Line("payload_bytes", header_.U16());
    const uint8_t protocol = header_.U8();
    Line("next_header", protocol);
    Line("hop_limit", header_.U8());
    AddressLine("source", 16);
    AddressLine("destination", 16);
    Transport(protocol);
  }

  void Transport(uint8_t protocol) {
    switch (protocol) {
      case 1:
      case 58: return Icmp(protocol == 58);
      case 4: prefix_ += "inner."; return Ip4();
      case 41: prefix_ += "inner."; return Ip6();
      case 6: return Tcp();
      case 17: return Udp();
      case 44: return FragmentHeader();
      case 0:
      case 43:
      case 51:
      case 60:
      case 135: return Extension(protocol);
      default: return;
    }
  }

  void Extension(uint8_t protocol) {
    if (rest_.size() < 8) return;
    const size_t length = static_cast<uint8_t>(rest_[1]);
    if (!Begin(absl::StrCat("extension", protocol),
               protocol == 51 ? length * 4 + 8 : length * 8 + 8)) {
      return;
    }
    const uint8_t next = header_.U8();
    Line("next_header", next);
    Line("length", header_.U8());
    Line("data", absl::BytesToHexString(header_.rest()));
    Transport(next);
  }

  void FragmentHeader() {
    if (!Begin("fragment", 8)) return;
    const uint8_t next = header_.U8();
    Line("next_header", next);
    Line("reserved", header_.U8());
    const uint16_t offset = header_.U16();
    Line("offset", absl::StrFormat("0x%04x", offset));
    Line("identification", absl::StrFormat("0x%08x", header_.U32()));
    if (offset < 8) Transport(next);
  }

  void Icmp(bool ip6) {
    if (!Begin("icmp", 8)) return;
    const uint8_t type = header_.U8();
    Line("type", type);
    Line("code", header_.U8());
    Hex16("checksum");
    Line("rest", absl::StrFormat("0x%08x", header_.U32()));
    const bool error =
        ip6 ? type < 5 : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    if (!error) return;
    prefix_ += "quoted.";
    ip6 ? Ip6() : Ip4();
  }

  void Tcp() {
    if (!Begin("tcp", 20)) return;
    Line("source_port", header_.U16());
    Line("destination_port", header_.U16());
    Line("sequence", header_.U32());
    Line("acknowledgment", header_.U32());
    const int words = header_.U8() >> 4;
    Line("header_words", words);
    const uint8_t bits = header_.U8();
    std::string flags;
    for (int bit = 0; bit < 8; ++bit) {
      if ((bits >> bit & 1) != 0) flags += "FSRPAUEC"[bit];
    }
    Line("flags", flags);
    Line("window", header_.U16());
    Hex16("checksum");
    Line("urgent", header_.U16());
    if (words > 5) Options(static_cast<size_t>(words - 5) * 4);
  }

  void Udp() {
    if (!Begin("udp", 8)) return;
    Line("source_port", header_.U16());
    Line("destination_port", header_.U16());
    Line("bytes", header_.U16());
    Hex16("checksum");
  }

  absl::string_view rest_;
  std::string prefix_;  // of layers inside others
  std::string layer_ = "frame";
  ByteReader header_ = ByteReader({});
  std::vector<std::string> lines_;
};

std::string FieldOf(const std::string& line) { return line.substr(0, line.find(' ')); }

}  // namespace

std::vector<std::string> DecodeLines(absl::string_view frame) { return Decoder(frame).Run(); }

std::string Decoded(absl::string_view frame) {
  return absl::StrCat("frame of ", frame.size(), " bytes\n    ",
                      absl::StrJoin(DecodeLines(frame), "\n    "), "\n");
}

std::string DecodedDifference(absl::string_view expected, absl::string_view actual) {
  const std::vector<std::string> wanted = DecodeLines(expected);
  const std::vector<std::string> got = DecodeLines(actual);
  std::string text;
  size_t w = 0;
  for (const std::string& line : got) {
    // The same field further on: what stands between is missing.
    const auto same =
        std::find_if(wanted.begin() + static_cast<ptrdiff_t>(w), wanted.end(),
                     [&](const std::string& other) { return FieldOf(other) == FieldOf(line); });
    if (same == wanted.end()) {
      absl::StrAppend(&text, "  + ", line, "\n");
      continue;
    }
    for (; wanted.begin() + static_cast<ptrdiff_t>(w) != same; ++w) {
      absl::StrAppend(&text, "  - ", wanted[w], "\n");
    }
    if (wanted[w] != line) absl::StrAppend(&text, "  - ", wanted[w], "\n");
    absl::StrAppend(&text, wanted[w] != line ? "  + " : "    ", line, "\n");
    ++w;
  }
  for (; w < wanted.size(); ++w) absl::StrAppend(&text, "  - ", wanted[w], "\n");
  return text;
}

}  // namespace koi
