// SPDX-License-Identifier: Apache-2.0
// Heads and chunks as text.
#include "http/writer.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace koi {
namespace {

// Headers that are about one connection (RFC 9110 7.6.1), and "Proxy", which CGI programs take for
// their HTTP_PROXY.
bool IsHopByHop(absl::string_view name, const Fields& fields) {
  for (const absl::string_view dropped :
       {"Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy"}) {
    if (absl::EqualsIgnoreCase(name, dropped)) return true;
  }
  if (absl::StartsWithIgnoreCase(name, "Proxy-")) return true;
  for (const absl::string_view named : fields.hop_by_hop) {
    if (absl::EqualsIgnoreCase(name, named)) return true;
  }
  return false;
}

void WriteHeader(const Header& header, std::string& out) {
  absl::StrAppend(&out, header.name, ": ", header.value, "\r\n");
}

// What follows is written by koi from what it parsed, never copied.
bool IsRewritten(absl::string_view name, const RequestHead& head) {
  for (const absl::string_view rewritten :
       {"Host", "Content-Length", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port"}) {
    if (absl::EqualsIgnoreCase(name, rewritten)) return true;
  }
  return !head.expects_continue && absl::EqualsIgnoreCase(name, "Expect");
}

void WriteForwarded(const RequestHead& head, const ClientFacts& client, std::string& out) {
  absl::StrAppend(&out, "X-Forwarded-For: ");
  // What came before stays in front, in its order: whom to believe is the backend's choice.
  for (const Header& header : head.fields.headers) {
    if (!absl::EqualsIgnoreCase(header.name, "X-Forwarded-For") || header.value.empty()) continue;
    absl::StrAppend(&out, header.value, ", ");
  }
  absl::StrAppend(&out, client.client.address.ToString(),
                  "\r\nX-Forwarded-Proto: ", client.tls ? "https" : "http",
                  "\r\nX-Forwarded-Port: ", client.service.port, "\r\n");
}

std::string HostOf(const RequestHead& head, const ClientFacts& client) {
  if (!head.host.empty()) return std::string(head.host);
  const std::string text = client.service.ToString();
  const bool is_default = client.service.port == (client.tls ? 443 : 80);
  return is_default ? text.substr(0, text.rfind(':')) : text;
}

}  // namespace

void WriteRequestHead(const RequestHead& head, const ClientFacts& client, std::string& out) {
  const bool has_path = !head.target.empty() && head.target[0] != '?';
  absl::StrAppend(&out, head.method, " ", has_path ? "" : "/", head.target, " HTTP/1.1\r\n");
  absl::StrAppend(&out, "Host: ", HostOf(head, client), "\r\n");
  for (const Header& header : head.fields.headers) {
    if (IsHopByHop(header.name, head.fields) || IsRewritten(header.name, head)) continue;
    WriteHeader(header, out);
  }
  WriteForwarded(head, client, out);
  if (head.fields.chunked) {
    absl::StrAppend(&out, "Transfer-Encoding: chunked\r\n");
  } else if (head.fields.content_length.has_value()) {
    absl::StrAppend(&out, "Content-Length: ", *head.fields.content_length, "\r\n");
  }
  absl::StrAppend(&out, "\r\n");
}

void WriteResponseHead(const ResponseHead& head, const ResponsePlan& plan, std::string& out) {
  absl::StrAppend(&out, "HTTP/1.1 ", head.status, " ", head.reason, "\r\n");
  for (const Header& header : head.fields.headers) {
    if (IsHopByHop(header.name, head.fields)) continue;
    if (absl::EqualsIgnoreCase(header.name, "Content-Length")) continue;
    WriteHeader(header, out);
  }
  // Also without a body: what a HEAD or 304 answers is the length the body would have. RFC 9110 8.6
  // forbids it in 1xx and 204.
  const bool may_have_length = !head.is_interim() && head.status != 204;
  if (plan.framing == Framing::kChunked) {
    absl::StrAppend(&out, "Transfer-Encoding: chunked\r\n");
  } else if (may_have_length && head.fields.content_length.has_value()) {
    absl::StrAppend(&out, "Content-Length: ", *head.fields.content_length, "\r\n");
  }
  if (!head.is_interim()) {
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
