// SPDX-License-Identifier: Apache-2.0
// Snapshots as bytes: counts and lengths before what they are of.
#include "manager/snapshot.h"

#include <utility>

#include "base/bytes.h"

namespace koi {
namespace {

constexpr char kFormat[] = "koi applied 1";

void PutText(absl::string_view text, ByteWriter& writer) {
  writer.U32(static_cast<uint32_t>(text.size()));
  writer.Bytes(text);
}

std::string GetText(ByteReader& reader) {
  const uint32_t bytes = reader.U32();
  return std::string(reader.Bytes(bytes));
}

template <typename List, typename Put>
void PutList(const List& list, ByteWriter& writer, Put put) {
  writer.U32(static_cast<uint32_t>(list.size()));
  for (const auto& item : list) put(item);
}

// Calls `get()` for each item that is said to be there, as long as there are bytes.
template <typename Get>
void GetList(ByteReader& reader, Get get) {
  for (uint32_t left = reader.U32(); left > 0 && reader.ok(); --left) get();
}

void PutNumbers(const Config& config, ByteWriter& writer) {
  PutList(config.carp, writer, [&](const CarpConfig& group) {
    writer.U8(group.vhid);
    writer.U32(group.number);
  });
  PutList(config.vips, writer, [&](const VipConfig& vip) {
    PutText(vip.address.ToString(), writer);
    writer.U32(vip.number);
  });
  const auto put_named = [&](const auto& item) {
    PutText(item.name, writer);
    writer.U32(item.number);
  };
  PutList(config.services, writer, put_named);
  PutList(config.pools, writer, put_named);
}

Config GetNumbers(ByteReader& reader) {
  Config config;
  GetList(reader, [&] {
    CarpConfig group;
    group.vhid = reader.U8();
    group.number = reader.U32();
    config.carp.push_back(std::move(group));
  });
  GetList(reader, [&] {
    const absl::StatusOr<Address> address = Address::Parse(GetText(reader));
    const uint32_t number = reader.U32();
    if (address.ok()) config.vips.push_back({.number = number, .address = *address, .group = 0});
  });
  GetList(reader, [&] {
    ServiceConfig service;
    service.name = GetText(reader);
    service.number = reader.U32();
    config.services.push_back(std::move(service));
  });
  GetList(reader, [&] {
    PoolConfig pool;
    pool.name = GetText(reader);
    pool.number = reader.U32();
    config.pools.push_back(std::move(pool));
  });
  return config;
}

}  // namespace

std::string EncodeSnapshot(const Desired& desired) {
  ByteWriter writer;
  PutText(kFormat, writer);
  PutList(desired.sources, writer, [&](const ConfigSource& source) {
    PutText(source.path, writer);
    PutText(source.text, writer);
    PutList(source.made_of, writer, [&](const std::string& line) { PutText(line, writer); });
  });
  PutList(desired.files, writer, [&](const auto& file) {
    PutText(file.first, writer);
    PutText(file.second, writer);
  });
  PutText(FormatState(desired.state), writer);
  PutNumbers(desired.file, writer);
  return writer.Take();
}

absl::StatusOr<Snapshot> DecodeSnapshot(absl::string_view bytes) {
  const absl::Status broken = absl::DataLossError("what was last applied cannot be read");
  ByteReader reader(bytes);
  if (GetText(reader) != kFormat) return broken;
  Snapshot snapshot;
  GetList(reader, [&] {
    ConfigSource source;
    source.path = GetText(reader);
    source.text = GetText(reader);
    GetList(reader, [&] { source.made_of.push_back(GetText(reader)); });
    snapshot.sources.push_back(std::move(source));
  });
  GetList(reader, [&] {
    std::string path = GetText(reader);
    snapshot.files[std::move(path)] = GetText(reader);
  });
  StateResult state = ParseState({.path = "state", .text = GetText(reader)});
  snapshot.numbered = GetNumbers(reader);
  if (!reader.ok() || !reader.rest().empty() || !state.state.has_value()) return broken;
  snapshot.state = *std::move(state.state);
  return snapshot;
}

}  // namespace koi
