// SPDX-License-Identifier: Apache-2.0
// Any bytes as a request head: what is taken must survive being written anew and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/check.h"
#include "http/error_page.h"
#include "http/writer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace koi;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const HeadLimits limits;
  HeadScanner scanner;
  RequestHead head;
  // Half of it first: the answer must not depend on how the bytes arrive.
  ParseResult result = ReadRequestHead(text.substr(0, size / 2), limits, scanner, head);
  if (result.state == Parse::kMore) result = ReadRequestHead(text, limits, scanner, head);
  if (result.state != Parse::kDone) return 0;
  KOI_CHECK(result.bytes <= size);

  std::string rewritten;
  std::string forwarded;
  const ClientFacts facts = {.service = {{}, 443}, .tls = true};
  ExtendForwarded(head.fields.headers, facts, {.rfc7239 = true}, forwarded);
  (void)ClientBehind(head.fields.headers, {Prefix()});
  WriteRequestHead(
      head, {.forwarded = forwarded, .request_id = "id", .upgrade = head.upgrade, .host = "[::]"},
      rewritten);
  const HeadLimits roomy = {.bytes = 64 * 1024, .headers = limits.headers + 8};
  HeadScanner again;
  RequestHead reread;
  const ParseResult second = ReadRequestHead(rewritten, roomy, again, reread);
  KOI_CHECK(second.state == Parse::kDone && second.bytes == rewritten.size());
  KOI_CHECK(reread.method == head.method);
  KOI_CHECK(reread.host == (head.host.empty() ? "[::]" : head.host));
  KOI_CHECK(reread.framing() == head.framing());
  KOI_CHECK(reread.fields.content_length == head.fields.content_length);
  KOI_CHECK(reread.upgrade == head.upgrade && reread.takes_trailers == head.takes_trailers);
  (void)HttpsLocation(head);
  return 0;
}
