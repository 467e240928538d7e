// SPDX-License-Identifier: Apache-2.0
// Comparing field by field.
#include "support/http/compare.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "support/http/judge.h"
#include "support/http/llhttp_reader.h"

namespace koi {
namespace {

std::string Difference(absl::string_view what, absl::string_view ours, absl::string_view theirs) {
  return absl::StrCat(what, ": koi has \"", ours, "\", llhttp \"", theirs, "\"");
}

std::string CompareHeaders(const Headers& ours, const LlhttpFields& theirs) {
  if (ours.size() != theirs.size()) {
    return absl::StrCat("koi has ", ours.size(), " headers, llhttp ", theirs.size());
  }
  for (size_t i = 0; i < ours.size(); ++i) {
    if (ours[i].name != theirs[i].first) {
      return Difference("a name", ours[i].name, theirs[i].first);
    }
    if (ours[i].value != theirs[i].second) {
      return Difference("a value", ours[i].value, theirs[i].second);
    }
  }
  return "";
}

std::string Compare(const Judged& ours, const LlhttpRequest& theirs) {
  if (ours.head.method != theirs.method) {
    return Difference("method", ours.head.method, theirs.method);
  }
  const bool has_path = absl::StartsWith(ours.head.target, "/") || ours.head.target == "*";
  if (has_path && !absl::EndsWith(theirs.target, ours.head.target)) {
    return Difference("target", ours.head.target, theirs.target);
  }
  if (ours.head.minor_version != theirs.minor_version) return "another version";
  const std::string headers = CompareHeaders(ours.head.fields.headers, theirs.headers);
  if (!headers.empty()) return headers;
  if (ours.body != theirs.body) return Difference("body", ours.body, theirs.body);
  if (ours.consumed != theirs.consumed) {
    return absl::StrCat("koi ends after ", ours.consumed, " bytes, llhttp after ", theirs.consumed);
  }
  return "";
}

}  // namespace

std::string DifferenceFromLlhttp(absl::string_view bytes) {
  const Judged ours = JudgeRequest(bytes);
  if (ours.state != Parse::kDone) return "";
  const LlhttpRequest theirs = ReadWithLlhttp(bytes);
  if (theirs.error == "HPE_INVALID_METHOD") return "";
  if (theirs.complete) {
    const std::string difference = Compare(ours, theirs);
    if (!difference.empty()) return "as it came: " + difference;
  }
  const Judged sent = JudgeRequest(ours.rewritten);
  if (sent.state != Parse::kDone || sent.body != ours.body) return "koi refuses its own request";
  const LlhttpRequest received = ReadWithLlhttp(ours.rewritten);
  if (!received.complete) return "as it goes on: llhttp refuses it: " + received.error;
  const std::string difference = Compare(sent, received);
  return difference.empty() ? "" : "as it goes on: " + difference;
}

}  // namespace koi
