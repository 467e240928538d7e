// SPDX-License-Identifier: Apache-2.0
// No request hides in another: koi refuses what two servers could read differently, and what it
// takes is one request, for it and for another parser.
#include "support/http/smuggling.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "support/http/compare.h"
#include "support/http/judge.h"
#include "support/http/llhttp_reader.h"

namespace koi {
namespace {

TEST(SmugglingTest, EachInputIsRefusedOrIsOneRequest) {
  for (const SmugglingInput& input : SmugglingInputs()) {
    SCOPED_TRACE(absl::CHexEscape(input.name));
    const Judged judged = JudgeRequest(input.bytes);
    if (input.status != 0) {
      EXPECT_EQ(judged.state, Parse::kBad);
      EXPECT_EQ(judged.status, input.status);
      continue;
    }
    EXPECT_EQ(judged.state, Parse::kDone);
    EXPECT_EQ(judged.consumed, input.bytes.size());
    EXPECT_EQ(DifferenceFromLlhttp(input.bytes), "");
  }
}

TEST(SmugglingTest, InputsAreManyAndDifferent) {
  std::set<std::string> bytes;
  for (const SmugglingInput& input : SmugglingInputs()) {
    EXPECT_TRUE(bytes.insert(input.bytes).second) << absl::CHexEscape(input.name);
  }
  EXPECT_GT(bytes.size(), 200u);
}

TEST(LlhttpTest, OrdinaryRequestsAreReadAlike) {
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost: a\r\nAccept:  b \r\n\r\n",
        "POST /x?y HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", "PUT * HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n"
        "2\r\nhi\r\n0\r\nX: y\r\n\r\n",
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"}) {
    SCOPED_TRACE(request);
    EXPECT_EQ(DifferenceFromLlhttp(request), "");
  }
  const LlhttpRequest read = ReadWithLlhttp("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET");
  EXPECT_TRUE(read.complete);
  EXPECT_EQ(read.body, "hi");
  EXPECT_EQ(read.consumed, 40u);
}

}  // namespace
}  // namespace koi
