// SPDX-License-Identifier: Apache-2.0
// Reads the vectors (JSON) and the capture (pcap, little-endian, microseconds).
#include "unit/carp/carp_data.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "base/check.h"
#include "base/file.h"

namespace koi {
namespace {

std::string Data(const std::string& name) {
  auto content = ReadFile(std::string(KOI_SOURCE_DIR "/tests/data/carp/") + name);
  KOI_CHECK(content.ok());
  return *std::move(content);
}

uint32_t Little32(const std::string& bytes, size_t offset) {
  uint32_t value = 0;
  for (size_t i = 4; i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[offset + i - 1]);
  return value;
}

}  // namespace

Address Addr(const std::string& text) {
  const auto address = Address::Parse(text);
  KOI_CHECK(address.ok());
  return *address;
}

std::vector<AdvertVector> AdvertVectors() {
  std::vector<AdvertVector> vectors;
  for (const auto& row : nlohmann::json::parse(Data("carp_vectors.json"))) {
    AdvertVector vector;
    vector.kind = row["kind"];
    vector.password = absl::HexStringToBytes(row["pass_hex"].get<std::string>());
    vector.vhid = row["vhid"];
    for (const auto& vip : row["vips"]) vector.vips.push_back(Addr(vip));
    vector.hash = vector.kind == "captured-ucarp" ? CarpHash::kFirst : CarpHash::kAll;
    vector.advbase = row["advbase"];
    vector.advskew = row["advskew"];
    KOI_CHECK(absl::SimpleHexAtoi(row["counter"].get<std::string>(), &vector.counter));
    vector.carp = absl::HexStringToBytes(row["carp"].get<std::string>());
    if (row.contains("frame")) {
      vector.frame = absl::HexStringToBytes(row["frame"].get<std::string>());
    }
    vectors.push_back(vector);
  }
  return vectors;
}

std::vector<std::string> CapturedFrames() {
  constexpr size_t kFileHeaderBytes = 24;
  constexpr size_t kRecordHeaderBytes = 16;
  const std::string file = Data("ucarp.pcap");
  KOI_CHECK(Little32(file, 0) == 0xa1b2c3d4);
  std::vector<std::string> frames;
  for (size_t at = kFileHeaderBytes; at + kRecordHeaderBytes <= file.size();) {
    const size_t bytes = Little32(file, at + 8);
    frames.push_back(file.substr(at + kRecordHeaderBytes, bytes));
    at += kRecordHeaderBytes + bytes;
  }
  return frames;
}

}  // namespace koi
