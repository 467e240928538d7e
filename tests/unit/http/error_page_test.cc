// SPDX-License-Identifier: Apache-2.0
// koi's own answers.
#include "http/error_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/welcome_page.h"

namespace koi {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

RequestHead Parsed(absl::string_view text) {
  HeadScanner scanner;
  RequestHead head;
  EXPECT_EQ(ReadRequestHead(text, {}, scanner, head).state, Parse::kDone);
  return head;
}

TEST(ErrorPageTest, ErrorsArePlainTextAndNotCached) {
  EXPECT_EQ(WriteOwnResponse({.status = 502, .explanation = "The backend broke off."}),
            "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Length: 39\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
            "502 Bad Gateway\nThe backend broke off.\n");
}

TEST(ErrorPageTest, PageIsTheWholeBodyAndNotCached) {
  EXPECT_EQ(WriteOwnResponse({.status = 200, .page = "<p>hello", .keep_alive = true}),
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
            "Content-Length: 8\r\nCache-Control: no-store\r\n\r\n<p>hello");
}

TEST(ErrorPageTest, WelcomePageNamesThePoolAsTheCommandWantsIt) {
  const std::string page = WelcomePage("web", "blue<1>");
  EXPECT_THAT(page, HasSubstr("docker exec CONTAINER koi backend add web NAME ADDRESS:PORT"));
  EXPECT_THAT(page, HasSubstr("Answered by blue&lt;1&gt;."));
}

TEST(ErrorPageTest, HeadGetsNoBody) {
  EXPECT_THAT(WriteOwnResponse({.status = 503, .explanation = "x", .to_head = true}),
              EndsWith("\r\n\r\n"));
}

TEST(ErrorPageTest, RedirectGoesToTheSameHostAndTarget) {
  struct {
    const char* request;
    const char* location;
  } const cases[] = {
      {"GET /p?q=1 HTTP/1.1\r\nHost: koi.example\r\n\r\n", "https://koi.example/p?q=1"},
      {"GET / HTTP/1.1\r\nHost: koi.example:8080\r\n\r\n", "https://koi.example/"},
      {"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "https://[2001:db8::1]/"},
      {"GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n", "https://[2001:db8::1]/"},
      {"GET http://koi.example?q HTTP/1.1\r\nHost: a\r\n\r\n", "https://koi.example/?q"},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "https://a/"},
      {"GET / HTTP/1.0\r\n\r\n", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.request);
    EXPECT_EQ(HttpsLocation(Parsed(c.request)), c.location);
  }
}

TEST(ErrorPageTest, RedirectKeepsTheMethodOfWhatHasABody) {
  EXPECT_EQ(RedirectStatus(Parsed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), 301);
  EXPECT_EQ(RedirectStatus(Parsed("POST / HTTP/1.1\r\nHost: a\r\n\r\n")), 308);
}

}  // namespace
}  // namespace koi
