// SPDX-License-Identifier: Apache-2.0
// What koi makes of the bytes of one request: its parsers and its writer, without any connection.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "http/request_head.h"

namespace koi {

struct Judged {
  Parse state = Parse::kMore;
  int status = 0;  // kBad: what it is refused with
  size_t consumed = 0;
  RequestHead head = {};  // kDone, as the rest; views into the bytes
  std::string body = {};
  std::string trailers = {};
  std::string rewritten = {};  // all of it, as it goes to a backend
};

Judged JudgeRequest(absl::string_view bytes);

}  // namespace koi
