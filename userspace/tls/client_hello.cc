// SPDX-License-Identifier: Apache-2.0
// Records, then the message in them, then the one extension that matters.
#include "tls/client_hello.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "base/bytes.h"

namespace koi {
namespace {

constexpr uint8_t kHandshakeRecord = 22;
constexpr uint8_t kRecordMajorVersion = 3;
constexpr size_t kRecordHeadBytes = 5;
constexpr size_t kMaxRecordBytes = 1 << 14;
constexpr uint8_t kClientHelloMessage = 1;
constexpr size_t kMessageHeadBytes = 4;
constexpr size_t kRandomBytes = 32;
constexpr size_t kMaxSessionIdBytes = 32;
constexpr uint16_t kServerNameExtension = 0;
constexpr uint8_t kHostName = 0;
constexpr size_t kMaxHostNameBytes = 255;

// The bytes of the whole message once it has its head; 0 before.
size_t MessageBytes(absl::string_view message) {
  if (message.size() < kMessageHeadBytes) return 0;
  ByteReader reader(message.substr(1));
  const size_t high = reader.U8();
  return kMessageHeadBytes + (high << 16) + reader.U16();
}

// What is certainly none is not waited for.
bool MayBeClientHello(absl::string_view message) {
  return message.empty() || (static_cast<uint8_t>(message[0]) == kClientHelloMessage &&
                             MessageBytes(message) <= kMaxClientHelloBytes);
}

bool ReadHostName(absl::string_view name, std::string& server_name) {
  if (name.empty() || name.size() > kMaxHostNameBytes) return false;
  if (!std::all_of(name.begin(), name.end(),
                   [](unsigned char c) { return absl::ascii_isgraph(c); })) {
    return false;
  }
  if (name.back() == '.') name.remove_suffix(1);
  server_name = absl::AsciiStrToLower(name);
  return !server_name.empty();
}

// A list that may hold names of kinds nobody has defined; one of each at most.
bool ReadServerNames(absl::string_view extension, std::string& server_name) {
  ByteReader outer(extension);
  ByteReader list(outer.Bytes(outer.U16()));
  if (!outer.ok() || !outer.rest().empty() || list.rest().empty()) return false;
  while (!list.rest().empty()) {
    const uint8_t kind = list.U8();
    const absl::string_view name = list.Bytes(list.U16());
    if (!list.ok()) return false;
    if (kind != kHostName) continue;
    if (!server_name.empty() || !ReadHostName(name, server_name)) return false;
  }
  return true;
}

bool ReadExtensions(absl::string_view extensions, std::string& server_name) {
  ByteReader reader(extensions);
  bool named = false;
  while (!reader.rest().empty()) {
    const uint16_t type = reader.U16();
    const absl::string_view extension = reader.Bytes(reader.U16());
    if (!reader.ok()) return false;
    if (type != kServerNameExtension) continue;
    if (named || !ReadServerNames(extension, server_name)) return false;
    named = true;
  }
  return true;
}

// `body`: the message without its head.
bool ReadBody(absl::string_view body, std::string& server_name) {
  ByteReader reader(body);
  reader.U16();  // the version, which servers negotiate
  reader.Bytes(kRandomBytes);
  const absl::string_view session_id = reader.Bytes(reader.U8());
  const absl::string_view ciphers = reader.Bytes(reader.U16());
  const absl::string_view compressions = reader.Bytes(reader.U8());
  if (!reader.ok() || session_id.size() > kMaxSessionIdBytes || ciphers.empty() ||
      ciphers.size() % 2 != 0 || compressions.empty()) {
    return false;
  }
  if (reader.rest().empty()) return true;  // a client of old, without extensions
  const absl::string_view extensions = reader.Bytes(reader.U16());
  return reader.ok() && reader.rest().empty() && ReadExtensions(extensions, server_name);
}

HelloParse ReadMessage(absl::string_view message, std::string& server_name) {
  if (!MayBeClientHello(message)) return HelloParse::kBad;
  const size_t bytes = MessageBytes(message);
  if (bytes == 0 || message.size() < bytes) return HelloParse::kMore;
  // Nothing may stand behind it in its record: the server is yet to answer.
  if (message.size() > bytes) return HelloParse::kBad;
  return ReadBody(message.substr(kMessageHeadBytes), server_name) ? HelloParse::kDone
                                                                  : HelloParse::kBad;
}

}  // namespace

HelloParse ReadClientHello(absl::string_view bytes, std::string& server_name) {
  server_name.clear();
  std::string joined;  // of several records
  bool first = true;
  for (absl::string_view rest = bytes.substr(0, kMaxClientHelloBytes); !rest.empty();) {
    if (static_cast<uint8_t>(rest[0]) != kHandshakeRecord) return HelloParse::kBad;
    if (rest.size() > 1 && static_cast<uint8_t>(rest[1]) != kRecordMajorVersion) {
      return HelloParse::kBad;
    }
    if (rest.size() < kRecordHeadBytes) break;
    ByteReader head(rest.substr(3));
    const size_t length = head.U16();
    if (length == 0 || length > kMaxRecordBytes) return HelloParse::kBad;
    const absl::string_view fragment = rest.substr(kRecordHeadBytes, length);
    const bool whole = fragment.size() == length;
    if (first && whole) {  // as nearly always: nothing is copied
      const HelloParse parsed = ReadMessage(fragment, server_name);
      if (parsed != HelloParse::kMore) return parsed;
    }
    joined.append(fragment.data(), fragment.size());
    if (!MayBeClientHello(joined)) return HelloParse::kBad;
    if (!whole) break;
    if (!first) {
      const HelloParse parsed = ReadMessage(joined, server_name);
      if (parsed != HelloParse::kMore) return parsed;
    }
    first = false;
    rest.remove_prefix(kRecordHeadBytes + length);
  }
  return bytes.size() < kMaxClientHelloBytes ? HelloParse::kMore : HelloParse::kBad;
}

}  // namespace koi
