// SPDX-License-Identifier: Apache-2.0
// Requests as another parser reads them: llhttp, of Node.js, from the sources that Debian ships.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace koi {

using LlhttpFields = std::vector<std::pair<std::string, std::string>>;  // values without blanks

struct LlhttpRequest {
  bool complete = false;
  std::string error = {};  // why it is not: "HPE_INVALID_METHOD"; "" where more was expected
  size_t consumed = 0;
  std::string method = {};
  std::string target = {};
  int minor_version = 0;
  LlhttpFields headers = {};
  LlhttpFields trailers = {};
  std::string body = {};
};

// The first request of `bytes`.
LlhttpRequest ReadWithLlhttp(absl::string_view bytes);

}  // namespace koi
