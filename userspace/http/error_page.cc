// SPDX-License-Identifier: Apache-2.0
// koi's own responses as text.
#include "http/error_page.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace koi {

absl::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 301: return "Moved Permanently";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
  }
  KOI_UNREACHABLE();
}

std::string WriteOwnResponse(const OwnResponse& response) {
  const absl::string_view reason = ReasonPhrase(response.status);
  const bool is_page = !response.page.empty();
  const std::string body =
      is_page ? std::string(response.page)
              : absl::StrCat(response.status, " ", reason, "\n", response.explanation, "\n");
  std::string out = absl::StrCat("HTTP/1.1 ", response.status, " ", reason,
                                 "\r\nContent-Type: text/", is_page ? "html" : "plain",
                                 "; charset=utf-8\r\nContent-Length: ", body.size(), "\r\n");
  if (!response.location.empty()) absl::StrAppend(&out, "Location: ", response.location, "\r\n");
  if (response.status == 503) absl::StrAppend(&out, "Retry-After: 5\r\n");
  if (response.status >= 400 || is_page) absl::StrAppend(&out, "Cache-Control: no-store\r\n");
  if (!response.keep_alive) {
    absl::StrAppend(&out, "Connection: close\r\n");
  } else if (response.client_minor_version == 0) {
    absl::StrAppend(&out, "Connection: keep-alive\r\n");
  }
  absl::StrAppend(&out, "\r\n");
  if (!response.to_head) absl::StrAppend(&out, body);
  return out;
}

std::string HttpsLocation(const RequestHead& head) {
  absl::string_view host = head.host;
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  const bool has_port =
      colon != absl::string_view::npos && (bracket == absl::string_view::npos || colon > bracket);
  if (has_port) host = host.substr(0, colon);
  if (host.empty()) return "";
  const bool has_path = !head.target.empty() && head.target[0] == '/';
  // "*" names the server as a whole, and so does an empty path.
  const absl::string_view target = head.target == "*" ? "" : head.target;
  return absl::StrCat("https://", host, has_path ? "" : "/", target);
}

int RedirectStatus(const RequestHead& head) {
  return head.method == "GET" || head.is_head() ? 301 : 308;
}

}  // namespace koi
