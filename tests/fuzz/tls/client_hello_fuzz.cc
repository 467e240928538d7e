// SPDX-License-Identifier: Apache-2.0
// Any bytes as a ClientHello: the answer must not depend on how they arrive or on what follows.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "tls/client_hello.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace koi;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  std::string first;
  std::string name;
  const HelloParse half = ReadClientHello(text.substr(0, size / 2), first);
  const HelloParse whole = ReadClientHello(text, name);
  KOI_CHECK(half == HelloParse::kMore || (half == whole && first == name));
  KOI_CHECK(name.size() <= 255);
  return 0;
}
