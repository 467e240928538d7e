// SPDX-License-Identifier: Apache-2.0
// Responses that koi makes itself: errors and redirects as small plain text, and whole pages.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "http/request_head.h"

namespace koi {

// "Bad Gateway" for 502. Knows the statuses koi answers with.
absl::string_view ReasonPhrase(int status);

struct OwnResponse {
  int status = 500;
  absl::string_view explanation = {};  // one line of the body
  absl::string_view page = {};         // HTML that is the body instead
  std::string location = {};           // of a redirect
  bool keep_alive = false;
  bool to_head = false;  // a HEAD gets the head alone
  int client_minor_version = 1;
};

std::string WriteOwnResponse(const OwnResponse& response);

// https://HOST/TARGET for what was asked over plain HTTP: HOST without its port, since the port
// that TLS is on is not that one. "" when the request names no host.
std::string HttpsLocation(const RequestHead& head);
// 301 for GET and HEAD, which even the oldest client follows. 308 for the rest: after a 301 clients
// turn a POST into a GET and lose its body.
int RedirectStatus(const RequestHead& head);

}  // namespace koi
