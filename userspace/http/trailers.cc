// SPDX-License-Identifier: Apache-2.0
// Choosing among trailers.
#include "http/trailers.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "http/head.h"

namespace koi {
namespace {

bool MayBeTrailer(absl::string_view name) {
  if (FieldKindOf(name) != FieldKind::kOther) return false;
  for (const absl::string_view forbidden :
       {"Age", "Authorization", "Cache-Control", "Content-Encoding", "Content-Location",
        "Content-Range", "Content-Type", "Cookie", "Date", "Expires", "Location", "Max-Forwards",
        "Pragma", "Range", "Retry-After", "Set-Cookie", "Vary", "Warning", "WWW-Authenticate"}) {
    if (absl::EqualsIgnoreCase(name, forbidden)) return false;
  }
  return !absl::StartsWithIgnoreCase(name, "If-");
}

}  // namespace

void WriteTrailers(absl::string_view trailers, std::string& out) {
  for (absl::string_view line = TakeLine(trailers); !line.empty(); line = TakeLine(trailers)) {
    const size_t colon = line.find(':');
    const absl::string_view name = line.substr(0, colon);
    if (colon == absl::string_view::npos || !MayBeTrailer(name)) continue;
    absl::StrAppend(&out, name, ": ", TrimOws(line.substr(colon + 1)), "\r\n");
  }
  absl::StrAppend(&out, "\r\n");
}

}  // namespace koi
