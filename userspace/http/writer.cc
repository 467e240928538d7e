// SPDX-License-Identifier: Apache-2.0
// Heads and chunks as text.
#include "http/writer.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace koi {
namespace {

void WriteHeader(const Header& header, std::string& out) {
  // Nearly everybody writes a header as koi does: then it stands there already.
  const char* const behind_name = header.name.data() + header.name.size();
  if (behind_name + 2 == header.value.data() && behind_name[1] == ' ') {
    out.append(header.name.data(), header.name.size() + 2 + header.value.size());
  } else {
    absl::StrAppend(&out, header.name, ": ", header.value);
  }
  out.append("\r\n", 2);
}

// What a head comes to is a little more than what it came from.
void ReserveFor(const Headers& headers, std::string& out) {
  constexpr size_t kOwnHeaders = 512;
  size_t bytes = out.size() + kOwnHeaders;
  for (const Header& header : headers) bytes += header.name.size() + header.value.size() + 4;
  out.reserve(bytes);
}

// Whether Connection says that this header is about one connection (RFC 9110 7.6.1).
bool IsNamedHopByHop(absl::string_view name, const Fields& fields) {
  for (const absl::string_view named : fields.hop_by_hop) {
    if (absl::EqualsIgnoreCase(name, named)) return true;
  }
  return false;
}

// The rest is written by koi from what it parsed, never copied, or left out.
bool IsPassedOn(const Header& header, const RequestHead& head, const RequestPlan& plan) {
  switch (header.kind) {
    case FieldKind::kExpect: return head.expects_continue;
    case FieldKind::kTrailer: return head.fields.chunked;
    case FieldKind::kRequestId: return plan.request_id.empty();
    case FieldKind::kOther: return !IsNamedHopByHop(header.name, head.fields);
    default: return false;
  }
}

bool IsPassedOn(const Header& header, const Fields& fields, const ResponsePlan& plan) {
  switch (header.kind) {
    case FieldKind::kTrailer: return plan.trailers;
    case FieldKind::kRequestId: return plan.request_id.empty();
    case FieldKind::kContentLength:
    case FieldKind::kTransferEncoding:
    case FieldKind::kConnection:
    case FieldKind::kUpgrade:
    case FieldKind::kTe:
    case FieldKind::kHopByHop: return false;
    default: return !IsNamedHopByHop(header.name, fields);
  }
}

// What is asked for of the connection to the backend.
void WriteConnection(const RequestHead& head, const RequestPlan& plan, std::string& out) {
  if (!plan.upgrade.empty()) {
    absl::StrAppend(&out, "Connection: Upgrade", head.takes_trailers ? ", TE" : "",
                    "\r\nUpgrade: ", plan.upgrade, "\r\n");
  } else if (head.takes_trailers) {
    absl::StrAppend(&out, "Connection: TE\r\n");
  }
  if (head.takes_trailers) absl::StrAppend(&out, "TE: trailers\r\n");
}

}  // namespace

std::string DefaultHost(const ClientFacts& facts) {
  const std::string text = facts.service.ToString();
  const bool is_default = facts.service.port == (facts.tls ? 443 : 80);
  return is_default ? text.substr(0, text.rfind(':')) : text;
}

void WriteRequestHead(const RequestHead& head, const RequestPlan& plan, std::string& out) {
  ReserveFor(head.fields.headers, out);
  const bool has_path = !head.target.empty() && head.target[0] != '?';
  absl::StrAppend(&out, head.method, " ", has_path ? "" : "/", head.target, " HTTP/1.1\r\n");
  absl::StrAppend(&out, "Host: ", head.host.empty() ? plan.host : head.host, "\r\n");
  for (const Header& header : head.fields.headers) {
    if (IsPassedOn(header, head, plan)) WriteHeader(header, out);
  }
  absl::StrAppend(&out, plan.forwarded);
  if (!plan.request_id.empty()) absl::StrAppend(&out, "X-Request-Id: ", plan.request_id, "\r\n");
  WriteConnection(head, plan, out);
  if (head.fields.chunked) {
    absl::StrAppend(&out, "Transfer-Encoding: chunked\r\n");
  } else if (head.fields.content_length.has_value()) {
    absl::StrAppend(&out, "Content-Length: ", *head.fields.content_length, "\r\n");
  }
  absl::StrAppend(&out, "\r\n");
}

void WriteResponseHead(const ResponseHead& head, const ResponsePlan& plan, std::string& out) {
  ReserveFor(head.fields.headers, out);
  absl::StrAppend(&out, "HTTP/1.1 ", head.status, " ", head.reason, "\r\n");
  for (const Header& header : head.fields.headers) {
    if (IsPassedOn(header, head.fields, plan)) WriteHeader(header, out);
  }
  if (!plan.request_id.empty()) absl::StrAppend(&out, "X-Request-Id: ", plan.request_id, "\r\n");
  // Also without a body: what a HEAD or 304 answers is the length the body would have. RFC 9110 8.6
  // forbids it in 1xx and 204.
  const bool may_have_length = !head.is_interim() && head.status != 204;
  if (plan.framing == Framing::kChunked) {
    absl::StrAppend(&out, "Transfer-Encoding: chunked\r\n");
  } else if (may_have_length && head.fields.content_length.has_value()) {
    absl::StrAppend(&out, "Content-Length: ", *head.fields.content_length, "\r\n");
  }
  if (!plan.upgrade.empty()) {
    absl::StrAppend(&out, "Connection: Upgrade\r\nUpgrade: ", plan.upgrade, "\r\n");
  } else if (!head.is_interim()) {
    if (!plan.keep_alive) {
      absl::StrAppend(&out, "Connection: close\r\n");
    } else if (plan.client_minor_version == 0) {
      absl::StrAppend(&out, "Connection: keep-alive\r\n");
    }
  }
  absl::StrAppend(&out, "\r\n");
}

std::string ChunkHead(size_t bytes) { return absl::StrCat(absl::Hex(bytes), "\r\n"); }

}  // namespace koi
