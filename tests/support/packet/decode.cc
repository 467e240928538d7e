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
    layer_ = layer;
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
    if (type == 0x8100 && Begin("vlan", 4)) {
      Line("id", header_.U16());
      Type();
    }
    if (type == 0x0800 && Begin("ipv4", 20)) Ip4();
    if (type == 0x86dd && Begin("ipv6", 40)) Ip6();
  }

  void Ip4() {
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
    if (protocol == 6 && Begin("tcp", 20)) Tcp();
    if (protocol == 17 && Begin("udp", 8)) Udp();
    if ((protocol == 1 || protocol == 58) && Begin("icmp", 4)) {
      Line("type", header_.U8());
      Line("code", header_.U8());
      Hex16("checksum");
    }
  }

  void Tcp() {
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
    Line("source_port", header_.U16());
    Line("destination_port", header_.U16());
    Line("bytes", header_.U16());
    Hex16("checksum");
  }

  absl::string_view rest_;
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
