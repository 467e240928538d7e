// SPDX-License-Identifier: Apache-2.0
// Lines and headers of HTTP/1 heads.
#include "http/head.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace koi {
namespace {

// True for the bytes a token may have.
constexpr std::array<bool, 256> kTokenBytes = [] {
  std::array<bool, 256> table = {};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// Where the next control character but tab is, at `from` or behind it; the size where there is
// none. Eight bytes at a time: nearly all bytes of nearly all heads are looked at here.
size_t NextControl(absl::string_view text, size_t from) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = kOnes * 0x80;
  for (; from + 8 <= text.size(); from += 8) {
    uint64_t eight;
    std::memcpy(&eight, text.data() + from, sizeof(eight));
    const uint64_t below_space = (eight - kOnes * ' ') & ~eight;
    const uint64_t not_delete = eight ^ (kOnes * 0x7f);
    const uint64_t is_delete = (not_delete - kOnes) & ~not_delete;
    const uint64_t found = (below_space | is_delete) & kHighs;  // its lowest bit is right
    if (found == 0) continue;
    const size_t at = from + static_cast<size_t>(std::countr_zero(found)) / 8;
    if (text[at] != '\t') return at;
    from = at + 1 - 8;  // goes on behind it
  }
  for (; from < text.size(); ++from) {
    const auto byte = static_cast<unsigned char>(text[from]);
    if ((byte < ' ' && byte != '\t') || byte == 0x7f) return from;
  }
  return text.size();
}

// Digits alone, and few enough not to overflow: "+3", "3, 3" and "0x3" are how lengths are
// disagreed upon.
std::optional<uint64_t> ParseLength(absl::string_view value) {
  constexpr size_t kMostDigits = 18;
  if (value.empty() || value.size() > kMostDigits) return std::nullopt;
  uint64_t length = 0;
  for (const char c : value) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return std::nullopt;
    length = length * 10 + static_cast<uint64_t>(c - '0');
  }
  return length;
}

absl::string_view ReadConnection(absl::string_view value, Fields& fields) {
  for (absl::string_view name : absl::StrSplit(value, ',')) {
    name = TrimOws(name);
    if (name.empty()) continue;  // RFC 9110 5.6.1: a list may have empty elements
    if (!IsToken(name)) return "malformed Connection";
    if (absl::EqualsIgnoreCase(name, "close")) {
      fields.close = true;
    } else if (absl::EqualsIgnoreCase(name, "keep-alive")) {
      fields.keep_alive = true;
    } else {
      fields.hop_by_hop.push_back(name);
    }
  }
  return "";
}

// Takes note of the headers that say how the message is to be read. Returns what is wrong with this
// one, or "".
absl::string_view Note(const Header& header, int minor_version, Fields& fields) {
  switch (header.kind) {
    case FieldKind::kContentLength:
      if (fields.content_length.has_value()) return "more than one Content-Length";
      fields.content_length = ParseLength(header.value);
      return fields.content_length.has_value() ? "" : "malformed Content-Length";
    case FieldKind::kTransferEncoding:
      if (fields.chunked) return "more than one Transfer-Encoding";
      if (minor_version == 0) return "Transfer-Encoding in HTTP/1.0";
      fields.chunked = absl::EqualsIgnoreCase(header.value, "chunked");
      return fields.chunked ? "" : "Transfer-Encoding other than chunked";
    case FieldKind::kConnection: return ReadConnection(header.value, fields);
    default: return "";
  }
}

// Whether `name` is `lower`, which is in lower case, or is it with "_" for "-".
bool IsFolded(absl::string_view name, absl::string_view lower) {
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i] == '_' ? '-' : absl::ascii_tolower(static_cast<unsigned char>(name[i]));
    if (c != lower[i]) return false;
  }
  return true;
}

bool BeginsFolded(absl::string_view name, absl::string_view lower) {
  return name.size() >= lower.size() && IsFolded(name.substr(0, lower.size()), lower);
}

// Of a name that begins with an X.
FieldKind ExtensionKind(absl::string_view name) {
  constexpr absl::string_view kXForwarded = "x-forwarded-";
  if (name.size() == 9 && IsFolded(name, "x-real-ip")) return FieldKind::kXForwardedOther;
  if (name.size() == 12 && IsFolded(name, "x-request-id")) return FieldKind::kRequestId;
  if (BeginsFolded(name, "x-client-cert-")) return FieldKind::kClientCertificate;
  if (!BeginsFolded(name, kXForwarded)) return FieldKind::kOther;
  const absl::string_view rest = name.substr(kXForwarded.size());
  if (rest.size() == 3 && IsFolded(rest, "for")) return FieldKind::kXForwardedFor;
  if (rest.size() == 5 && IsFolded(rest, "proto")) return FieldKind::kXForwardedProto;
  if (rest.size() == 4 && IsFolded(rest, "port")) return FieldKind::kXForwardedPort;
  return FieldKind::kXForwardedOther;
}

// What is wrong with a first line that does not begin with a name and a colon.
ParseResult BadName(absl::string_view lines) {
  const absl::string_view line = TakeLine(lines);
  if (line[0] == ' ' || line[0] == '\t') return ParseResult::Bad("folded header");
  const bool has_colon = line.find(':') != absl::string_view::npos;
  return ParseResult::Bad(has_colon ? "malformed header name" : "header without colon");
}

FieldKind KindIf(absl::string_view name, absl::string_view known, FieldKind kind) {
  return absl::EqualsIgnoreCase(name, known) ? kind : FieldKind::kOther;
}

}  // namespace

FieldKind FieldKindOf(absl::string_view name) {
  switch (name.empty() ? 0 : name[0] | 0x20) {
    case 'h': return KindIf(name, "Host", FieldKind::kHost);
    case 'c':
      return name.size() == 10 ? KindIf(name, "Connection", FieldKind::kConnection)
                               : KindIf(name, "Content-Length", FieldKind::kContentLength);
    case 't':
      switch (name.size()) {
        case 2: return KindIf(name, "TE", FieldKind::kTe);
        case 7: return KindIf(name, "Trailer", FieldKind::kTrailer);
        default: return KindIf(name, "Transfer-Encoding", FieldKind::kTransferEncoding);
      }
    case 'e': return KindIf(name, "Expect", FieldKind::kExpect);
    case 'u': return KindIf(name, "Upgrade", FieldKind::kUpgrade);
    case 'k': return KindIf(name, "Keep-Alive", FieldKind::kHopByHop);
    case 'f': return KindIf(name, "Forwarded", FieldKind::kForwarded);
    case 'p':
      // CGI programs take "Proxy" for their HTTP_PROXY.
      return name.size() == 5 ? KindIf(name, "Proxy", FieldKind::kHopByHop)
             : absl::StartsWithIgnoreCase(name, "Proxy-") ? FieldKind::kHopByHop
                                                          : FieldKind::kOther;
    case 'x': return ExtensionKind(name);
    default: return FieldKind::kOther;
  }
}

absl::string_view TrimOws(absl::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool ListHas(absl::string_view list, absl::string_view element) {
  for (const absl::string_view one : absl::StrSplit(list, ',')) {
    if (absl::EqualsIgnoreCase(TrimOws(one), element)) return true;
  }
  return false;
}

absl::string_view UpgradeOf(const Fields& fields) {
  bool asked = false;
  for (const absl::string_view name : fields.hop_by_hop) {
    asked |= absl::EqualsIgnoreCase(name, "Upgrade");
  }
  if (!asked) return "";
  absl::string_view protocol;
  for (const Header& header : fields.headers) {
    if (header.kind != FieldKind::kUpgrade) continue;
    if (!protocol.empty()) return "";
    protocol = header.value;
  }
  const size_t slash = std::min(protocol.find('/'), protocol.size());
  const bool has_version = slash < protocol.size();
  const bool valid =
      IsToken(protocol.substr(0, slash)) && (!has_version || IsToken(protocol.substr(slash + 1)));
  return valid ? protocol : "";
}

bool IsToken(absl::string_view text) {
  for (const char c : text) {
    if (!kTokenBytes[static_cast<unsigned char>(c)]) return false;
  }
  return !text.empty();
}

bool IsFieldValue(absl::string_view text) { return NextControl(text, 0) == text.size(); }

std::optional<int> ParseMinorVersion(absl::string_view text) {
  if (text == "HTTP/1.1") return 1;
  if (text == "HTTP/1.0") return 0;
  return std::nullopt;
}

ParseResult HeadScanner::Scan(absl::string_view buffer, const HeadLimits& limits) {
  for (;;) {
    const size_t at = NextControl(buffer, seen_);
    seen_ = at;
    if (at == buffer.size()) break;
    switch (buffer[at]) {
      case '\r':
        if (at + 1 == buffer.size()) break;
        if (buffer[at + 1] != '\n') return ParseResult::Bad("CR without LF");
        if (at + 2 > limits.bytes) return ParseResult::TooLarge("head too large");
        seen_ = at + 2;
        if (at == line_start_) return ParseResult::Done(at + 2);
        line_start_ = at + 2;
        continue;
      case '\n': return ParseResult::Bad("LF without CR");
      case '\0': return ParseResult::Bad("NUL in the head");
      default: seen_ = at + 1; continue;  // refused where its line is parsed
    }
    break;
  }
  if (buffer.size() >= limits.bytes) return ParseResult::TooLarge("head too large");
  return ParseResult::More();
}

absl::string_view TakeLine(absl::string_view& head) {
  const void* found = std::memchr(head.data(), '\r', head.size());
  const size_t end = found == nullptr
                         ? head.size()
                         : static_cast<size_t>(static_cast<const char*>(found) - head.data());
  const absl::string_view line(head.data(), end);
  head.remove_prefix(std::min(head.size(), end + 2));
  return line;
}

ParseResult ParseFields(absl::string_view lines, int minor_version, const HeadLimits& limits,
                        Fields& fields) {
  const size_t all = lines.size();
  while (!lines.empty() && lines[0] != '\r') {
    if (fields.headers.size() == limits.headers) return ParseResult::TooLarge("too many headers");
    size_t colon = 0;
    while (colon < lines.size() && kTokenBytes[static_cast<unsigned char>(lines[colon])]) ++colon;
    if (colon == 0 || colon == lines.size() || lines[colon] != ':') return BadName(lines);
    const size_t end = NextControl(lines, colon + 1);
    if (end < lines.size() && lines[end] != '\r') {
      return ParseResult::Bad("control character in a header");
    }
    const absl::string_view name(lines.data(), colon);
    const absl::string_view rest(lines.data() + colon + 1, end - colon - 1);
    const Header header{name, TrimOws(rest), FieldKindOf(name)};
    lines.remove_prefix(std::min(lines.size(), end + 2));
    const absl::string_view wrong = Note(header, minor_version, fields);
    if (!wrong.empty()) return ParseResult::Bad(wrong);
    fields.headers.push_back(header);
  }
  if (fields.chunked && fields.content_length.has_value()) {
    return ParseResult::Bad("both Content-Length and Transfer-Encoding");
  }
  return ParseResult::Done(all);
}

}  // namespace koi
