// SPDX-License-Identifier: Apache-2.0
// PROXY headers as proxy-protocol.txt has them, and those that it says must be refused.
#include "net/proxy_protocol.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace koi {
namespace {

std::string Hex(absl::string_view digits) { return absl::HexStringToBytes(digits); }

const std::string kSignature = Hex("0d0a0d0a000d0a515549540a");
// 192.0.2.7:40000 to 10.0.0.1:443.
const std::string kTcp4 = Hex("c00002070a0000019c4001bb");

std::string V2(absl::string_view command_and_protocol, absl::string_view body) {
  return absl::StrCat(kSignature, Hex(command_and_protocol),
                      std::string(1, static_cast<char>(body.size() >> 8)),
                      std::string(1, static_cast<char>(body.size() & 0xff)), body);
}

// "CLIENT SERVICE", "own", "(more)" or "(bad)".
std::string Said(absl::string_view bytes, std::string* unique_id = nullptr) {
  ProxyHeader header;
  const ProxyParseResult result = ReadProxyHeader(bytes, header);
  if (result.state == ProxyParse::kMore) return "(more)";
  if (result.state == ProxyParse::kBad) return "(bad)";
  EXPECT_LE(result.bytes, bytes.size());
  if (unique_id != nullptr) *unique_id = header.unique_id;
  if (!header.endpoints.has_value()) return "own";
  return absl::StrCat(header.endpoints->client.ToString(), " ",
                      header.endpoints->service.ToString());
}

TEST(ProxyProtocolTest, Version1OfTheSpecification) {
  EXPECT_EQ(Said("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
            "255.255.255.255:65535 255.255.255.255:65535");
  EXPECT_EQ(Said("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n"),
            "192.168.0.1:56324 192.168.0.11:443");
  EXPECT_EQ(Said("PROXY TCP6 ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), "(bad)")
      << "how the text abbreviates";
  EXPECT_EQ(Said("PROXY TCP6 2001:db8::7 2001:DB8::1 0 443\r\n"),
            "[2001:db8::7]:0 [2001:db8::1]:443");
  EXPECT_EQ(Said("PROXY UNKNOWN\r\n"), "own");
  EXPECT_EQ(Said("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
            "own")
      << "107 bytes, the longest";
}

TEST(ProxyProtocolTest, Version1IsTakenToTheLetter) {
  for (const std::string& bytes : {
           std::string("PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n"),
           std::string("PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n"),
           std::string("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n"),
           std::string("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n"),
           std::string("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n"),
           std::string("PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n"),
           std::string("PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n"),
           std::string("PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n"),
           std::string("PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n"),
           std::string("PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n"),
           std::string("PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n"),
           std::string("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n"),
           std::string("PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n"),
           std::string("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"),
           std::string("PROXY UNKNOWNS\r\n"),
           std::string("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n\r\n"),
           std::string("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rx"),
           absl::StrCat("PROXY UNKNOWN ", std::string(200, 'x'), "\r\n"),
           std::string("proxy "),
           std::string("GET / HTTP/1.1\r\n\r\n"),
           std::string("\x16\x03\x01"),
       }) {
    EXPECT_EQ(Said(bytes), "(bad)") << absl::CEscape(bytes);
  }
}

TEST(ProxyProtocolTest, Version2SaysEndpointsOfTcp) {
  EXPECT_EQ(Said(V2("2111", kTcp4)), "192.0.2.7:40000 10.0.0.1:443");
  EXPECT_EQ(Said(V2("2111", kTcp4) + "GET /"), "192.0.2.7:40000 10.0.0.1:443");
  EXPECT_EQ(Said(V2("2121", Hex("20010db800000000000000000000000720010db8000000000000000000000001"
                                "9c4001bb"))),
            "[2001:db8::7]:40000 [2001:db8::1]:443");
  std::string unique_id;
  EXPECT_EQ(Said(V2("2111", kTcp4 + Hex("04000100"
                                        "0500026162"
                                        "ea0000")),
                 &unique_id),
            "192.0.2.7:40000 10.0.0.1:443");
  EXPECT_EQ(unique_id, "ab");
}

TEST(ProxyProtocolTest, Version2WithoutEndpointsOfTcpLeavesTheConnectionsOwn) {
  EXPECT_EQ(Said(V2("2000", "")), "own");
  EXPECT_EQ(Said(V2("2011", kTcp4)), "own") << "LOCAL: the rest is ignored";
  EXPECT_EQ(Said(V2("20ff", "whatever")), "own");
  EXPECT_EQ(Said(V2("2100", "")), "own");
  EXPECT_EQ(Said(V2("2112", kTcp4)), "own") << "UDP";
  EXPECT_EQ(Said(V2("2131", std::string(216, 'u'))), "own") << "Unix";
}

TEST(ProxyProtocolTest, Version2IsRefusedWhereItIsBroken) {
  for (const std::string& bytes : {
           V2("1111", kTcp4),                          // version 1 in binary
           V2("2211", kTcp4),                          // no such command
           V2("2141", kTcp4),                          // family
           V2("2113", kTcp4),                          // transport
           V2("2111", kTcp4.substr(1)),                // too short for its family
           V2("2121", kTcp4),                          //
           V2("2111", kTcp4 + Hex("0400")),            // half a value
           V2("2111", kTcp4 + Hex("04000500")),        //
           V2("2111", kTcp4 + Hex("030003000000")),    // a checksum of three bytes
           V2("2111", kTcp4 + Hex("03000400000000")),  // of other bytes
           V2("2111", kTcp4 + Hex("050081") + std::string(129, 'x')),
           V2("2000", std::string(kMaxProxyHeaderBytes, 'x')),
           kSignature.substr(0, 11) + "x",
       }) {
    EXPECT_EQ(Said(bytes), "(bad)") << absl::CEscape(bytes.substr(0, 60));
  }
  EXPECT_EQ(Said(V2("2000", std::string(kMaxProxyHeaderBytes - 16, 'x'))), "own");
}

TEST(ProxyProtocolTest, ChecksumIsVerified) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aaU) << "of RFC 3720";
  std::string header = V2("2111", kTcp4 + Hex("03000400000000"));
  const uint32_t crc = Crc32c(header);
  for (int i = 0; i < 4; ++i) {
    header[header.size() - 4 + i] = static_cast<char>(crc >> (24 - 8 * i));
  }
  EXPECT_EQ(Said(header), "192.0.2.7:40000 10.0.0.1:443");
  header[16] ^= 1;
  EXPECT_EQ(Said(header), "(bad)");
}

TEST(ProxyProtocolTest, ArrivesInAnyPieces) {
  for (const std::string& header :
       {std::string("PROXY TCP4 192.0.2.7 10.0.0.1 40000 443\r\n"), V2("2111", kTcp4),
        std::string("PROXY UNKNOWN\r\n"), V2("2000", "")}) {
    for (size_t bytes = 0; bytes < header.size(); ++bytes) {
      ASSERT_EQ(Said(header.substr(0, bytes)), "(more)") << bytes;
    }
  }
}

TEST(ProxyProtocolTest, WhatIsWrittenIsRead) {
  const Endpoint ip4 = *Endpoint::Parse("192.0.2.7:40000");
  const Endpoint vip4 = *Endpoint::Parse("10.0.0.1:443");
  const Endpoint ip6 = *Endpoint::Parse("[2001:db8::7]:40000");
  EXPECT_EQ(WriteProxyV1(ip4, vip4), "PROXY TCP4 192.0.2.7 10.0.0.1 40000 443\r\n");
  EXPECT_EQ(WriteProxyV1(ip6, vip4), "PROXY TCP6 2001:db8::7 ::ffff:10.0.0.1 40000 443\r\n");
  EXPECT_EQ(Said(WriteProxyV1(ip6, vip4)), "[2001:db8::7]:40000 10.0.0.1:443");
  EXPECT_EQ(WriteProxyV2(ip4, vip4, {}), V2("2111", kTcp4));
  EXPECT_EQ(Said(WriteProxyV2(ip6, vip4, {})), "[2001:db8::7]:40000 10.0.0.1:443");
  EXPECT_EQ(Said(WriteProxyV1Unknown()), "own");
  EXPECT_EQ(WriteProxyV2Local(), V2("2000", ""));
}

TEST(ProxyProtocolTest, Version2CarriesWhatIsKnownOfTls) {
  const Endpoint ip4 = *Endpoint::Parse("192.0.2.7:40000");
  const Endpoint vip4 = *Endpoint::Parse("10.0.0.1:443");
  const ProxyTls tls = {
      .version = "TLSv1.3", .cipher = "AES", .common_name = "anna", .certificate = true};
  EXPECT_EQ(
      WriteProxyV2(ip4, vip4, {.alpn = "h2", .authority = "a.b", .unique_id = "id", .tls = tls}),
      V2("2111", absl::StrCat(kTcp4, Hex("010002"), "h2", Hex("020003"), "a.b", Hex("050002"), "id",
                              Hex("20001c"), Hex("0700000000"), Hex("210007"), "TLSv1.3",
                              Hex("230003"), "AES", Hex("220004"), "anna")));
  ProxyTls other = {.certificate = true, .resumed = true};
  EXPECT_EQ(WriteProxyV2(ip4, vip4, {.tls = other}), V2("2111", kTcp4 + Hex("2000050500000000")));
  other = {};
  EXPECT_EQ(WriteProxyV2(ip4, vip4, {.tls = other}), V2("2111", kTcp4 + Hex("2000050100000001")));
}

}  // namespace
}  // namespace koi
