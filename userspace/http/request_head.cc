// SPDX-License-Identifier: Apache-2.0
// Request line, target and host.
#include "http/request_head.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/check.h"

namespace koi {
namespace {

// Visible ASCII without '#': a fragment is never sent, and servers that cut it off where others do
// not disagree about the path.
bool IsTarget(absl::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '#') return false;
  }
  return !text.empty();
}

// host [":" port], by the bytes alone: names, IPv4 and bracketed IPv6. What it refuses (commas,
// spaces, slashes, '@') is what makes two readers see two hosts.
bool IsHost(absl::string_view text) {
  for (const char c : text) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ||
                       c == '_' || c == '~' || c == '%' || c == ':' || c == '[' || c == ']';
    if (!plain) return false;
  }
  return !text.empty() && text.front() != ':';
}

// Splits "http://host/path" (RFC 9112 3.2.2), which every server must understand.
bool SplitAbsolute(absl::string_view target, RequestHead& head) {
  const size_t scheme = absl::StartsWithIgnoreCase(target, "http://")    ? 7
                        : absl::StartsWithIgnoreCase(target, "https://") ? 8
                                                                         : 0;
  if (scheme == 0) return false;
  target.remove_prefix(scheme);
  const size_t path = target.find_first_of("/?");
  head.host = target.substr(0, path);
  head.target = path == absl::string_view::npos ? "" : target.substr(path);
  return IsHost(head.host);
}

absl::string_view ParseRequestLine(absl::string_view line, RequestHead& head) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == absl::string_view::npos || first == last) return "malformed request line";
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  if (!IsToken(head.method)) return "malformed method";
  if (!IsTarget(head.target)) return "malformed target";
  const std::optional<int> minor_version = ParseMinorVersion(line.substr(last + 1));
  if (!minor_version.has_value()) return "neither HTTP/1.0 nor HTTP/1.1";
  head.minor_version = *minor_version;
  if (head.target[0] == '/') return "";
  if (head.target == "*") return head.method == "OPTIONS" ? "" : "malformed target";
  // CONNECT's target, a host and port alone, ends here: koi is no forward proxy.
  return SplitAbsolute(head.target, head) ? "" : "malformed target";
}

// A host in the target outranks the header (RFC 9112 3.2.2), which must be there all the same.
absl::string_view ParseHost(RequestHead& head) {
  const absl::string_view in_target = head.host;
  bool seen = false;
  for (const Header& header : head.fields.headers) {
    if (header.kind != FieldKind::kHost) continue;
    if (seen) return "more than one Host";
    seen = true;
    if (!IsHost(header.value)) return "malformed Host";
    head.host = header.value;
  }
  if (!seen && head.minor_version == 1) return "no Host";
  if (!in_target.empty()) head.host = in_target;
  return "";
}

// What of the connection is asked for beyond keeping it. Not in HTTP/1.0, which knows none of it
// (RFC 9110 7.8, 10.1.1).
void ParseWishes(RequestHead& head) {
  if (head.minor_version == 0) return;
  for (const Header& header : head.fields.headers) {
    if (header.kind == FieldKind::kExpect) {
      const bool known = absl::EqualsIgnoreCase(header.value, "100-continue");
      head.expects_continue |= known;
      head.unknown_expectation |= !known;
    } else if (header.kind == FieldKind::kTe) {
      head.takes_trailers |= ListHas(header.value, "trailers");
    }
  }
  if (!head.fields.hop_by_hop.empty() && head.framing() == Framing::kNone) {
    head.upgrade = UpgradeOf(head.fields);
  }
}

}  // namespace

bool RequestHead::is_idempotent() const {
  for (const absl::string_view safe_twice : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}) {
    if (method == safe_twice) return true;
  }
  return false;
}

Framing RequestHead::framing() const {
  if (fields.chunked) return Framing::kChunked;
  return fields.content_length.value_or(0) > 0 ? Framing::kLength : Framing::kNone;
}

ParseResult ReadRequestHead(absl::string_view buffer, const HeadLimits& limits,
                            HeadScanner& scanner, RequestHead& head) {
  const size_t skipped = absl::StartsWith(buffer, "\r\n") ? 2 : 0;
  buffer.remove_prefix(skipped);
  const ParseResult found = scanner.Scan(buffer, limits);
  if (found.state != Parse::kDone) return found;

  absl::string_view lines = buffer.substr(0, found.bytes);
  KOI_CHECK(head.fields.headers.empty());  // a new one
  absl::string_view wrong = ParseRequestLine(TakeLine(lines), head);
  if (!wrong.empty()) return ParseResult::Bad(wrong);
  const ParseResult fields = ParseFields(lines, head.minor_version, limits, head.fields);
  if (fields.state != Parse::kDone) return fields;
  wrong = ParseHost(head);
  if (!wrong.empty()) return ParseResult::Bad(wrong);
  ParseWishes(head);
  return ParseResult::Done(skipped + found.bytes);
}

}  // namespace koi
