// SPDX-License-Identifier: Apache-2.0
// Any bytes as a request, head and body: what koi takes, llhttp must read as the same request, and
// also as koi writes it for a backend.
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "base/check.h"
#include "support/http/compare.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string difference = koi::DifferenceFromLlhttp(text);
  if (!difference.empty()) std::fprintf(stderr, "%s\n", difference.c_str());
  KOI_CHECK(difference.empty());
  return 0;
}
