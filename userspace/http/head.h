// SPDX-License-Identifier: Apache-2.0
// What the heads of HTTP/1 requests and responses have in common: lines, headers, framing.
// Strict on purpose: two parsers that read one message differently are how requests are smuggled
// past a proxy, so whatever RFC 9112 lets a recipient repair is refused here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"

namespace koi {

struct HeadLimits {
  size_t bytes = 16'384;  // of the whole head
  size_t headers = 100;   // lines
};

enum class Parse { kMore, kDone, kBad };

// What came of parsing. The parsers keep no bytes: their caller's buffer grows and is shown again.
struct ParseResult {
  Parse state = Parse::kMore;
  size_t bytes = 0;          // kDone: how much of the buffer the head is
  int status = 0;            // kBad: 400 or 431, what a client is answered
  absl::string_view reason;  // kBad: what was wrong

  static ParseResult More() { return {}; }
  static ParseResult Done(size_t head_bytes) { return {Parse::kDone, head_bytes, 0, ""}; }
  static ParseResult Bad(absl::string_view why) { return {Parse::kBad, 0, 400, why}; }
  static ParseResult TooLarge(absl::string_view why) { return {Parse::kBad, 0, 431, why}; }
};

// What a header is to koi: told once, when it is parsed.
enum class FieldKind : uint8_t {
  kOther,
  kHost,
  kContentLength,
  kTransferEncoding,
  kConnection,
  kExpect,
  kUpgrade,
  kTe,
  kTrailer,
  kHopByHop,         // of one connection, or of no use beyond it: Keep-Alive, Proxy-...
  kXForwardedFor,    // what follows is also meant where "_" stands for "-": to many backends
  kXForwardedProto,  // both are one
  kXForwardedPort,
  kXForwardedOther,    // X-Forwarded-Host and the like, X-Real-IP
  kForwarded,          // RFC 7239
  kRequestId,          // X-Request-Id
  kClientCertificate,  // X-Client-Cert-...
};
FieldKind FieldKindOf(absl::string_view name);

// One header. Views into the text that was parsed.
struct Header {
  absl::string_view name;
  absl::string_view value;
  FieldKind kind = FieldKind::kOther;
};
using Headers = absl::InlinedVector<Header, 24>;

// How the end of a body is known (RFC 9112 6.3).
enum class Framing { kNone, kLength, kChunked, kUntilClose };

// The headers of a message and what they say of the message itself.
struct Fields {
  Headers headers;
  std::optional<uint64_t> content_length;
  bool chunked = false;
  bool close = false;                                    // Connection: close
  bool keep_alive = false;                               // Connection: keep-alive
  absl::InlinedVector<absl::string_view, 4> hop_by_hop;  // other names in Connection
};

// Looks for the end of a head in a buffer that grows, reading each byte once.
class HeadScanner {
 public:
  // kDone: the head ends after `bytes`, and each of its lines ends in CRLF, with neither CR, LF nor
  // NUL inside.
  ParseResult Scan(absl::string_view buffer, const HeadLimits& limits);
  void Reset() { line_start_ = seen_ = 0; }

 private:
  size_t line_start_ = 0;  // of the first line not seen whole
  size_t seen_ = 0;        // bytes that need not be looked at again
};

// Takes the first line, without its CRLF, off a head that a scanner has found.
absl::string_view TakeLine(absl::string_view& head);

// Parses the header lines up to the empty one. `minor_version` is that of the message: HTTP/1.0 has
// no Transfer-Encoding.
ParseResult ParseFields(absl::string_view lines, int minor_version, const HeadLimits& limits,
                        Fields& fields);

// "HTTP/1.0" or "HTTP/1.1"; nullopt for anything else.
std::optional<int> ParseMinorVersion(absl::string_view text);

// Text without the blanks around it.
absl::string_view TrimOws(absl::string_view text);
// Whether the comma-separated `list` has `element`, in any case.
bool ListHas(absl::string_view list, absl::string_view element);
// The one protocol that a message with `fields` asks to switch to, or says it switches to; "" where
// there is none, or a choice. Views into them.
absl::string_view UpgradeOf(const Fields& fields);

// A token of RFC 9110 5.6.2: the only bytes that methods and header names may have.
bool IsToken(absl::string_view text);
// Whether `text` has no control characters but tab.
bool IsFieldValue(absl::string_view text);

}  // namespace koi
