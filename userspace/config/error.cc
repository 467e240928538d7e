// SPDX-License-Identifier: Apache-2.0
// Errors with their source lines, in the order of the text.
#include "config/error.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/text.h"

namespace koi {
namespace {

constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";

// Blanks as wide as the text before `column`, which counts characters from 1, not bytes.
std::string Indentation(absl::string_view line, int column) {
  std::string blanks;
  int at = 1;
  for (const char byte : line) {
    const bool continues = (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
    if (continues) continue;
    if (at++ >= column) break;
    blanks.push_back(byte == '\t' ? '\t' : ' ');
  }
  return blanks;
}

// `line` as a terminal may see it: "?" in place of control characters and of what is not UTF-8.
std::string Printable(absl::string_view line) {
  std::string shown;
  while (!line.empty()) {
    const size_t bytes = Utf8Bytes(line);
    const auto first = static_cast<unsigned char>(line[0]);
    const bool control = bytes == 1 && first != '\t' && absl::ascii_iscntrl(first);
    absl::StrAppend(&shown, bytes == 0 || control ? "?" : line.substr(0, bytes));
    line.remove_prefix(std::max<size_t>(bytes, 1));
  }
  return shown;
}

// An error message ends in logs and on screens: a line that may hold a password stays out of it,
// also one whose key is misspelt.
bool MayHoldSecret(absl::string_view line) {
  for (const absl::string_view word : absl::StrSplit(line, absl::ByAnyChar(" \t=\"',.[]{}"))) {
    if (!Nearest(word, {"password", "auth"}).empty()) return true;
  }
  return false;
}

}  // namespace

std::string ConfigError::ToString() const {
  if (line == 0) {
    const bool named = file.empty() || absl::StrContains(message, file);
    return absl::StrCat(named ? "" : absl::StrCat(file, ": "), message);
  }
  std::string text = absl::StrCat(file, ":", line, ":", column, ": ", message);
  if (source_line.empty()) return text;
  absl::StrAppend(&text, "\n  ", source_line, "\n  ", Indentation(source_line, column), "^");
  return text;
}

void Problems::Error(const Place& place, absl::string_view message) {
  found_.push_back({place, std::string(message)});
}

void Problems::Warn(const Place& place, absl::string_view message) {
  const std::string column = IsMade(place) ? "" : absl::StrCat(":", place.column);
  warnings_.push_back(absl::StrCat(Describe(place), column, ": ", message));
}

std::string Problems::Describe(const Place& place) const {
  return IsMade(place) ? MadeOf(place) : absl::StrCat(path(place), ":", place.line);
}

std::string Problems::MadeOf(const Place& place) const {
  const std::vector<std::string>& made_of = sources_[place.source].made_of;
  const size_t line = static_cast<size_t>(place.line);
  return line >= 1 && line <= made_of.size() ? made_of[line - 1] : path(place);
}

std::string Problems::SourceLine(const Place& place) const {
  if (place.line == 0) return "";
  absl::string_view rest = sources_[place.source].text;
  for (int line = 1; line < place.line; ++line) {
    const size_t end = rest.find('\n');
    if (end == rest.npos) return "";
    rest.remove_prefix(end + 1);
  }
  absl::string_view line = rest.substr(0, rest.find('\n'));
  if (absl::EndsWith(line, "\r")) line.remove_suffix(1);
  if (place.line == 1) (void)absl::ConsumePrefix(&line, kByteOrderMark);
  constexpr size_t kLongestLineShown = 200;
  if (line.size() > kLongestLineShown || MayHoldSecret(line)) return "";
  return Printable(line);
}

std::vector<ConfigError> Problems::errors() const {
  std::vector<Found> ordered = found_;
  std::stable_sort(ordered.begin(), ordered.end(), [](const Found& a, const Found& b) {
    return std::tie(a.place.source, a.place.line, a.place.column) <
           std::tie(b.place.source, b.place.line, b.place.column);
  });
  std::vector<ConfigError> errors;
  errors.reserve(ordered.size());
  for (Found& found : ordered) {
    if (IsMade(found.place)) {
      errors.push_back({.file = MadeOf(found.place), .message = std::move(found.message)});
      continue;
    }
    errors.push_back({.file = path(found.place),
                      .line = found.place.line,
                      .column = found.place.column,
                      .message = std::move(found.message),
                      .source_line = SourceLine(found.place)});
  }
  return errors;
}

}  // namespace koi
