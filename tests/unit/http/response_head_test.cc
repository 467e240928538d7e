// SPDX-License-Identifier: Apache-2.0
// Status lines and what they say of the body.
#include "http/response_head.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

ParseResult Read(absl::string_view text, ResponseHead& head) {
  HeadScanner scanner;
  return ReadResponseHead(text, {}, scanner, head);
}

TEST(ResponseHeadTest, PartsOfAnOrdinaryResponseAreRead) {
  ResponseHead head;
  const std::string lines = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n";
  const std::string text = lines + "no\n";
  const ParseResult result = Read(text, head);
  ASSERT_EQ(result.state, Parse::kDone);
  EXPECT_EQ(result.bytes, lines.size());
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.reason, "Not Found");
  EXPECT_TRUE(head.keep_alive());
}

TEST(ResponseHeadTest, ReasonMayBeEmptyOrAbsent) {
  for (const char* text : {"HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n"}) {
    SCOPED_TRACE(text);
    ResponseHead head;
    ASSERT_EQ(Read(text, head).state, Parse::kDone);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.reason, "");
  }
}

TEST(ResponseHeadTest, DoubtfulResponsesAreRefused) {
  for (const char* text : {
           "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
           "HTTP/2 200 OK\r\n\r\n",
           "HTTP/1.1  200 OK\r\n\r\n",
           "HTTP/1.1 20 OK\r\n\r\n",
           "HTTP/1.1 2000 OK\r\n\r\n",
           "HTTP/1.1 099 OK\r\n\r\n",
           "HTTP/1.1 600 OK\r\n\r\n",
           "HTTP/1.1 200 O\x01K\r\n\r\n",
           "ICY 200 OK\r\n\r\n",
           "\r\nHTTP/1.1 200 OK\r\n\r\n",
           "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       }) {
    SCOPED_TRACE(text);
    ResponseHead head;
    EXPECT_EQ(Read(text, head).state, Parse::kBad);
  }
}

TEST(ResponseHeadTest, FramingFollowsStatusHeadersAndRequest) {
  struct {
    const char* text;
    bool to_head;
    Framing framing;
  } const cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false, Framing::kLength},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, Framing::kNone},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, Framing::kNone},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, Framing::kChunked},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, Framing::kNone},
      {"HTTP/1.1 200 OK\r\n\r\n", false, Framing::kUntilClose},
      {"HTTP/1.1 204 No Content\r\n\r\n", false, Framing::kNone},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, Framing::kNone},
      {"HTTP/1.1 100 Continue\r\n\r\n", false, Framing::kNone},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    ResponseHead head;
    ASSERT_EQ(Read(c.text, head).state, Parse::kDone);
    EXPECT_EQ(head.framing(c.to_head), c.framing);
  }
}

}  // namespace
}  // namespace koi
