// SPDX-License-Identifier: Apache-2.0
// Lines of the access log, as a program that reads them sees them.
#include "worker/access/access_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "protocol/access_lines.h"

namespace koi {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::microseconds;

Endpoint At(const char* address, uint16_t port) { return {Address::Parse(address).value(), port}; }

const TimePoint kStart = TimePoint(std::chrono::seconds(1000));

AccessClock Clock() {
  AccessClock clock;
  clock.Set(kStart, std::chrono::seconds(1795521600));
  return clock;
}

std::string Line(const AccessRecord& record, const AccessEnd& end) {
  AccessClock clock = Clock();
  char bytes[kAccessLineBytes];
  return std::string(bytes, WriteAccessLine(record, end, clock, bytes));
}

// As UTF-8.
std::string FromLatin1(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) text.push_back(static_cast<char>(0xc0 | byte >> 6));
    text.push_back(static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3f)));
  }
  return text;
}

TEST(AccessLineTest, TellsAWholeRequest) {
  const TlsFacts tls = {.version = "TLSv1.3",
                        .cipher = "TLS_AES_128_GCM_SHA256",
                        .sni = "koi.example",
                        .resumed = true};
  AccessRecord record;
  record.members = AccessMembers({.client = At("2001:db8::7", 40000),
                                  .vip = At("10.0.1.201", 443),
                                  .service = "web",
                                  .pool = "web",
                                  .tls = &tls});
  record.accepted = kStart;
  record.handshaken = kStart + microseconds(1500);
  record.BeginRequest(kStart + microseconds(2000));
  record.SetRequest("GET", "koi.example", "/a?b=\"c\"");
  record.asked = record.begun + microseconds(10);
  record.connecting = record.begun + microseconds(60);
  record.connected = record.begun + microseconds(260);
  record.first_byte = record.begun + microseconds(12'260);
  record.bytes_in = 80;
  record.bytes_out = 1'234;
  record.status = 200;
  record.keep_alive = true;
  record.request_id.Set("7f3a");
  record.forwarded_for.Set("203.0.113.1");
  EXPECT_EQ(Line(record, {.now = record.begun + microseconds(15'001), .backend = "web-1"}),
            "{\"time\":\"2026-11-24T12:00:00.002000Z\",\"client\":\"[2001:db8::7]:40000\","
            "\"vip\":\"10.0.1.201:443\",\"service\":\"web\",\"pool\":\"web\",\"tls\":\"TLSv1.3\","
            "\"cipher\":\"TLS_AES_128_GCM_SHA256\",\"resumed\":true,\"sni\":\"koi.example\","
            "\"backend\":\"web-1\",\"backend_reused\":false,\"handshake_ms\":1.500,"
            "\"queue_ms\":0.050,\"connect_ms\":0.200,\"first_byte_ms\":12.000,"
            "\"total_ms\":15.001,\"bytes_in\":80,\"bytes_out\":1234,\"method\":\"GET\","
            "\"host\":\"koi.example\",\"path\":\"/a?b=\\\"c\\\"\",\"status\":200,"
            "\"keep_alive\":true,\"request_id\":\"7f3a\",\"forwarded_for\":\"203.0.113.1\","
            "\"retries\":0,\"reason\":\"finished\"}\n");
}

TEST(AccessLineTest, WhatDidNotHappenIsLeftOut) {
  AccessRecord record;
  record.begun = kStart;
  EXPECT_EQ(Line(record, {.now = kStart, .reason = CloseReason::kHandshakeFailed}),
            "{\"time\":\"2026-11-24T12:00:00.000000Z\",\"total_ms\":0.000,\"bytes_in\":0,"
            "\"bytes_out\":0,\"retries\":0,\"reason\":\"handshake-failed\"}\n");
}

// Whatever a client sends: one line, within its bound, JSON, and what was sent is what is read.
TEST(AccessLineTest, NoBytesOfAClientMakeAnotherLine) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> byte(0, 255);
  std::uniform_int_distribution<size_t> length(0, 1500);
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    const auto text = [&] {
      std::string made(length(random), '\0');
      const int mask = round % 2 == 0 ? 0xff : 0x1f;  // also controls alone: the longest escapes
      for (char& c : made) c = static_cast<char>(byte(random) & mask);
      return made;
    };
    const std::string path = text();
    const TlsFacts tls = {.version = "TLSv1.2", .cipher = "c", .sni = text()};
    AccessRecord record;
    record.members = AccessMembers({.client = At("192.0.2.7", 1),
                                    .vip = At("192.0.2.8", 2),
                                    .service = std::string(31, 's'),
                                    .pool = std::string(31, 'p'),
                                    .tls = &tls});
    record.BeginRequest(kStart);
    record.SetRequest(text(), text(), path);
    record.request_id.Set(text());
    record.forwarded_for.Set(std::string(45, 'f'));
    record.bytes_in = record.bytes_out = UINT64_MAX;
    record.status = 200;
    const std::string line = Line(record, {.now = kStart, .backend = std::string(31, 'b')});
    ASSERT_LE(line.size() + kMaxAccessPrefix, kAccessLineBytes);
    ASSERT_TRUE(
        std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= ' ' && c < '\x7f'; }));
    const Json json = Json::parse(line, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << line;
    absl::string_view read = json["path"].get_ref<const std::string&>();
    if (!absl::ConsumeSuffix(&read, "...")) {
      EXPECT_EQ(read, FromLatin1(path));
    }
    EXPECT_TRUE(absl::StartsWith(FromLatin1(path), read));
    EXPECT_EQ(json["reason"], "finished");
    EXPECT_GE(json.size(), 21u);
  }
}

TEST(AccessLineTest, ReaderThatBeginsInTheMiddleFindsTheNextLine) {
  char prefix[kMaxAccessPrefix];
  const auto line = [&](uint32_t service, const std::string& text) {
    return std::string(prefix, WriteAccessPrefix(service, prefix)) + text + "\n";
  };
  const std::string sent =
      absl::StrCat("path\":\"7 {}\"}\n", line(4294967295, "{1}"), "\x1e", "3 {cut", line(2, "{2}"),
                   "\x1ex {}\n", line(5, "{unfinished").substr(0, 8));
  absl::string_view bytes = sent;
  std::vector<std::string> taken;
  while (const auto next = TakeAccessLine(bytes)) {
    taken.push_back(absl::StrCat(next->service, "=", next->text));
  }
  EXPECT_THAT(taken, ::testing::ElementsAre("4294967295={1}\n", "2={2}\n"));
  EXPECT_EQ(bytes,
            "\x1e"
            "5 {unfi");
}

TEST(AccessLineTest, DocumentHasTheTableOfReasons) {
  std::string table = "| `reason` | |\n|---|---|\n";
#define KOI_AS_ROW(name, text, help) absl::StrAppend(&table, "| `", text, "` | ", help, " |\n");
  KOI_CLOSE_REASONS(KOI_AS_ROW)
#undef KOI_AS_ROW
  const absl::StatusOr<std::string> document = ReadFile(KOI_SOURCE_DIR "/docs/access-log.md");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_TRUE(absl::StrContains(*document, table))
      << "docs/access-log.md should have, word for word:\n\n"
      << table;
}

}  // namespace
}  // namespace koi
