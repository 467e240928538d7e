// SPDX-License-Identifier: Apache-2.0
// Reading and writing PROXY headers.
#include "net/proxy_protocol.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/bytes.h"

namespace koi {
namespace {

constexpr absl::string_view kV1Start = "PROXY ";
constexpr size_t kMaxV1Bytes = 107;  // with its CR LF
constexpr absl::string_view kV2Signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kV2FixedBytes = 16;
constexpr size_t kMaxUniqueIdBytes = 128;

enum V2Command : uint8_t { kV2Local = 0x20, kV2Proxy = 0x21 };
enum V2Family : uint8_t { kV2Unspecified = 0, kV2Ip4 = 1, kV2Ip6 = 2, kV2Unix = 3 };
constexpr uint8_t kV2Tcp4 = 0x11;
constexpr uint8_t kV2Tcp6 = 0x21;
// Of both endpoints, by family.
constexpr size_t kV2AddressBytes[] = {0, 12, 36, 216};
constexpr uint8_t kMaxV2Transport = 2;

enum V2Type : uint8_t {
  kAlpn = 0x01,
  kAuthority = 0x02,
  kCrc32c = 0x03,
  kUniqueId = 0x05,
  kSsl = 0x20,
  kSslVersion = 0x21,
  kSslCommonName = 0x22,
  kSslCipher = 0x23,
};
enum V2SslBits : uint8_t { kClientSsl = 1, kClientCertificate = 2, kSessionCertificate = 4 };

constexpr ProxyParseResult kBadHeader = {ProxyParse::kBad, 0};
constexpr ProxyParseResult kMoreHeader = {ProxyParse::kMore, 0};

// A decimal number without leading zeros, at most 65535.
std::optional<uint16_t> ReadProxyPort(absl::string_view text) {
  const bool digits = !text.empty() && text.size() <= 5 &&
                      text.find_first_not_of("0123456789") == absl::string_view::npos;
  uint32_t port = 0;
  if (!digits || (text.size() > 1 && text[0] == '0') || !absl::SimpleAtoi(text, &port) ||
      port > 65535) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(port);
}

std::optional<Address> ReadProxyAddress(absl::string_view text, bool ip6) {
  const bool has_colon = text.find(':') != absl::string_view::npos;
  if (has_colon != ip6) return std::nullopt;
  const absl::StatusOr<Address> address = Address::Parse(text);
  if (!address.ok()) return std::nullopt;
  return *address;
}

// The word before the next space, which is taken too.
absl::string_view NextWord(absl::string_view& rest) {
  const size_t space = std::min(rest.find(' '), rest.size());
  const absl::string_view word = rest.substr(0, space);
  rest.remove_prefix(std::min(space + 1, rest.size()));
  return word;
}

// `line` stands between "PROXY " and CR LF.
bool ReadV1Line(absl::string_view line, ProxyHeader& header) {
  if (line == "UNKNOWN" || absl::StartsWith(line, "UNKNOWN ")) return true;  // the rest is ignored
  const bool ip6 = absl::StartsWith(line, "TCP6 ");
  if (!ip6 && !absl::StartsWith(line, "TCP4 ")) return false;
  // Exactly four words, with one space between two.
  if (std::count(line.begin(), line.end(), ' ') != 4) return false;
  NextWord(line);
  const std::optional<Address> client = ReadProxyAddress(NextWord(line), ip6);
  const std::optional<Address> service = ReadProxyAddress(NextWord(line), ip6);
  const std::optional<uint16_t> client_port = ReadProxyPort(NextWord(line));
  const std::optional<uint16_t> service_port = ReadProxyPort(line);
  if (!client.has_value() || !service.has_value() || !client_port.has_value() ||
      !service_port.has_value()) {
    return false;
  }
  header.endpoints = {{*client, *client_port}, {*service, *service_port}};
  return true;
}

ProxyParseResult ReadV1(absl::string_view bytes, ProxyHeader& header) {
  const absl::string_view head = bytes.substr(0, kMaxV1Bytes);
  const size_t end = head.find('\r');
  if (end == absl::string_view::npos) {
    return bytes.size() < kMaxV1Bytes ? kMoreHeader : kBadHeader;
  }
  if (end + 1 == bytes.size()) return bytes.size() < kMaxV1Bytes ? kMoreHeader : kBadHeader;
  if (end + 2 > head.size() || head[end + 1] != '\n') return kBadHeader;
  if (!ReadV1Line(head.substr(kV1Start.size(), end - kV1Start.size()), header)) return kBadHeader;
  return {ProxyParse::kDone, end + 2};
}

// `whole`: the header with its checksum, which `field` is in.
bool ChecksumHolds(absl::string_view whole, absl::string_view field) {
  std::string zeroed(whole);
  std::fill_n(zeroed.begin() + (field.data() - whole.data()), field.size(), '\0');
  ByteReader reader(field);
  return reader.U32() == Crc32c(zeroed);
}

bool ReadV2Values(absl::string_view whole, absl::string_view values, ProxyHeader& header) {
  ByteReader reader(values);
  while (!reader.rest().empty()) {
    const uint8_t type = reader.U8();
    const absl::string_view value = reader.Bytes(reader.U16());
    if (!reader.ok()) return false;
    if (type == kCrc32c && (value.size() != 4 || !ChecksumHolds(whole, value))) return false;
    if (type == kUniqueId) {
      if (value.size() > kMaxUniqueIdBytes) return false;
      header.unique_id = std::string(value);
    }
  }
  return true;
}

ProxyParseResult ReadV2(absl::string_view bytes, ProxyHeader& header) {
  if (bytes.size() < kV2FixedBytes) return kMoreHeader;
  ByteReader fixed(bytes.substr(kV2Signature.size()));
  const uint8_t command = fixed.U8();
  const uint8_t protocol = fixed.U8();
  const size_t length = fixed.U16();
  if (command != kV2Local && command != kV2Proxy) return kBadHeader;
  const size_t whole_bytes = kV2FixedBytes + length;
  if (whole_bytes > kMaxProxyHeaderBytes) return kBadHeader;
  const uint8_t family = protocol >> 4;
  const uint8_t transport = protocol & 0xf;
  // Of LOCAL everything that follows is ignored, the family included.
  if (command == kV2Proxy &&
      (family > kV2Unix || transport > kMaxV2Transport || length < kV2AddressBytes[family])) {
    return kBadHeader;
  }
  if (bytes.size() < whole_bytes) return kMoreHeader;
  const ProxyParseResult done = {ProxyParse::kDone, whole_bytes};
  if (command == kV2Local) return done;

  const absl::string_view whole = bytes.substr(0, whole_bytes);
  const absl::string_view body = whole.substr(kV2FixedBytes);
  if (!ReadV2Values(whole, body.substr(kV2AddressBytes[family]), header)) return kBadHeader;
  if (protocol != kV2Tcp4 && protocol != kV2Tcp6) return done;
  const size_t address_bytes = protocol == kV2Tcp4 ? 4 : 16;
  ByteReader reader(body);
  ProxyHeader::Endpoints endpoints;
  endpoints.client.address = Address::FromWire(reader.Bytes(address_bytes));
  endpoints.service.address = Address::FromWire(reader.Bytes(address_bytes));
  endpoints.client.port = reader.U16();
  endpoints.service.port = reader.U16();
  header.endpoints = endpoints;
  return done;
}

void AddV2Value(V2Type type, absl::string_view value, ByteWriter& out) {
  constexpr size_t kMaxValueBytes = 512;  // far above any name that exists
  if (value.empty() || value.size() > kMaxValueBytes) return;
  out.U8(type);
  out.U16(static_cast<uint16_t>(value.size()));
  out.Bytes(value);
}

std::string V2Tls(const ProxyTls& tls) {
  uint8_t bits = kClientSsl;
  if (tls.certificate) bits |= kSessionCertificate;
  if (tls.certificate && !tls.resumed) bits |= kClientCertificate;
  ByteWriter out;
  out.U8(bits);
  out.U32(tls.certificate ? 0 : 1);  // 0: presented and verified
  AddV2Value(kSslVersion, tls.version, out);
  AddV2Value(kSslCipher, tls.cipher, out);
  AddV2Value(kSslCommonName, tls.common_name, out);
  return out.Take();
}

std::string V2Header(V2Command command, uint8_t protocol, absl::string_view body) {
  ByteWriter out;
  out.Bytes(kV2Signature);
  out.U8(command);
  out.U8(protocol);
  out.U16(static_cast<uint16_t>(body.size()));
  out.Bytes(body);
  return out.Take();
}

// As a header must show it beside one of IPv6.
std::string Ip6Text(const Address& address) {
  return address.is_ip4() ? absl::StrCat("::ffff:", address.ToString()) : address.ToString();
}

std::array<uint32_t, 256> MadeCrcTable() {
  constexpr uint32_t kPolynomial = 0x82f63b78;  // 0x1edc6f41, its bits in reverse
  std::array<uint32_t, 256> table = {};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
    table[byte] = value;
  }
  return table;
}

}  // namespace

ProxyParseResult ReadProxyHeader(absl::string_view bytes, ProxyHeader& header) {
  header = {};
  const auto begins = [bytes](absl::string_view start) {
    return bytes.substr(0, start.size()) == start.substr(0, bytes.size());
  };
  if (begins(kV1Start)) {
    return bytes.size() < kV1Start.size() ? kMoreHeader : ReadV1(bytes, header);
  }
  if (begins(kV2Signature)) return ReadV2(bytes, header);
  return kBadHeader;
}

std::string WriteProxyV1(const Endpoint& client, const Endpoint& service) {
  const bool ip4 = client.address.is_ip4() && service.address.is_ip4();
  const auto text = [ip4](const Address& address) {
    return ip4 ? address.ToString() : Ip6Text(address);
  };
  return absl::StrCat(kV1Start, ip4 ? "TCP4 " : "TCP6 ", text(client.address), " ",
                      text(service.address), " ", client.port, " ", service.port, "\r\n");
}

std::string WriteProxyV2(const Endpoint& client, const Endpoint& service,
                         const ProxyExtras& extras) {
  const bool ip4 = client.address.is_ip4() && service.address.is_ip4();
  ByteWriter body;
  for (const Address& address : {client.address, service.address}) {
    if (ip4) {
      body.Bytes(address.wire());
    } else {
      const std::array<uint8_t, 16>& bytes = address.bytes();
      body.Bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
  }
  body.U16(client.port);
  body.U16(service.port);
  AddV2Value(kAlpn, extras.alpn, body);
  AddV2Value(kAuthority, extras.authority, body);
  AddV2Value(kUniqueId, extras.unique_id.substr(0, kMaxUniqueIdBytes), body);
  if (extras.tls.has_value()) {
    const std::string tls = V2Tls(*extras.tls);
    body.U8(kSsl);
    body.U16(static_cast<uint16_t>(tls.size()));
    body.Bytes(tls);
  }
  return V2Header(kV2Proxy, ip4 ? kV2Tcp4 : kV2Tcp6, body.bytes());
}

std::string WriteProxyV1Unknown() { return absl::StrCat(kV1Start, "UNKNOWN\r\n"); }

std::string WriteProxyV2Local() { return V2Header(kV2Local, kV2Unspecified, ""); }

uint32_t Crc32c(absl::string_view bytes) {
  static const std::array<uint32_t, 256> kTable = MadeCrcTable();
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  }
  return ~crc;
}

}  // namespace koi
