// SPDX-License-Identifier: Apache-2.0
// Any bytes as a response head: what is taken must survive being written anew and read again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "http/writer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace koi;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  HeadScanner scanner;
  ResponseHead head;
  if (ReadResponseHead(text, {}, scanner, head).state != Parse::kDone) return 0;

  const Framing framing = head.framing(/*to_head=*/false);
  std::string rewritten;
  WriteResponseHead(head, {.framing = framing}, rewritten);
  const HeadLimits roomy = {.bytes = 64 * 1024};
  HeadScanner again;
  ResponseHead reread;
  const ParseResult second = ReadResponseHead(rewritten, roomy, again, reread);
  KOI_CHECK(second.state == Parse::kDone && second.bytes == rewritten.size());
  KOI_CHECK(reread.status == head.status && reread.reason == head.reason);
  KOI_CHECK(reread.framing(false) == framing);
  return 0;
}
