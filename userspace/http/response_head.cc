// SPDX-License-Identifier: Apache-2.0
// Status line and framing of responses.
#include "http/response_head.h"

#include "absl/strings/ascii.h"
#include "base/check.h"

namespace koi {
namespace {

absl::string_view ParseStatusLine(absl::string_view line, ResponseHead& head) {
  constexpr size_t kVersionBytes = 8;
  const std::optional<int> minor_version = ParseMinorVersion(line.substr(0, kVersionBytes));
  if (!minor_version.has_value()) return "neither HTTP/1.0 nor HTTP/1.1";
  head.minor_version = *minor_version;
  line.remove_prefix(kVersionBytes);
  if (line.size() < 4 || line[0] != ' ') return "malformed status line";
  for (size_t i = 1; i < 4; ++i) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(line[i]))) return "malformed status";
    head.status = head.status * 10 + (line[i] - '0');
  }
  if (head.status < 100 || head.status > 599) return "malformed status";
  line.remove_prefix(4);
  // Many servers leave out the space before an empty reason.
  if (!line.empty() && line[0] != ' ') return "malformed status line";
  if (!line.empty()) head.reason = line.substr(1);
  return IsFieldValue(head.reason) ? "" : "malformed reason";
}

}  // namespace

Framing ResponseHead::framing(bool to_head) const {
  if (to_head || is_interim() || status == 204 || status == 304) return Framing::kNone;
  if (fields.chunked) return Framing::kChunked;
  if (!fields.content_length.has_value()) return Framing::kUntilClose;
  return *fields.content_length > 0 ? Framing::kLength : Framing::kNone;
}

ParseResult ReadResponseHead(absl::string_view buffer, const HeadLimits& limits,
                             HeadScanner& scanner, ResponseHead& head) {
  const ParseResult found = scanner.Scan(buffer, limits);
  if (found.state != Parse::kDone) return found;
  absl::string_view lines = buffer.substr(0, found.bytes);
  KOI_CHECK(head.fields.headers.empty());  // a new one
  const absl::string_view wrong = ParseStatusLine(TakeLine(lines), head);
  if (!wrong.empty()) return ParseResult::Bad(wrong);
  const ParseResult fields = ParseFields(lines, head.minor_version, limits, head.fields);
  if (fields.state != Parse::kDone) return fields;
  if (head.status == 101 && head.minor_version == 1) head.upgrade = UpgradeOf(head.fields);
  return found;
}

}  // namespace koi
