// SPDX-License-Identifier: Apache-2.0
// Which request heads are taken, which are refused, and with what.
#include "http/request_head.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

ParseResult Read(absl::string_view text, RequestHead& head) {
  HeadScanner scanner;
  return ReadRequestHead(text, {}, scanner, head);
}

// A whole head with these lines between the request line and its end.
std::string Get(absl::string_view headers) {
  return absl::StrCat("GET / HTTP/1.1\r\n", headers, "\r\n");
}

TEST(RequestHeadTest, PartsOfAnOrdinaryRequestAreRead) {
  RequestHead head;
  const std::string lines =
      "POST /a?b=c HTTP/1.1\r\nHost: koi.example:8080\r\nContent-Length: 5\r\n\r\n";
  const std::string text = lines + "hello";
  const ParseResult result = Read(text, head);
  ASSERT_EQ(result.state, Parse::kDone) << std::string(result.reason);
  EXPECT_EQ(result.bytes, lines.size());
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/a?b=c");
  EXPECT_EQ(head.host, "koi.example:8080");
  EXPECT_EQ(head.framing(), Framing::kLength);
  EXPECT_EQ(head.fields.content_length, 5u);
  EXPECT_TRUE(head.keep_alive());
}

TEST(RequestHeadTest, EveryPrefixAsksForMore) {
  const std::string text = Get("Host: koi.example\r\nAccept: */*\r\n");
  HeadScanner scanner;
  for (size_t bytes = 0; bytes < text.size(); ++bytes) {
    SCOPED_TRACE(bytes);
    RequestHead head;
    const ParseResult result =
        ReadRequestHead(absl::string_view(text).substr(0, bytes), {}, scanner, head);
    ASSERT_EQ(result.state, Parse::kMore);
  }
  RequestHead head;
  EXPECT_EQ(ReadRequestHead(text, {}, scanner, head).state, Parse::kDone);
  EXPECT_EQ(head.fields.headers.size(), 2u);
}

struct Case {
  const char* what;
  std::string text;
};

TEST(RequestHeadTest, WhatRfc9112AllowsIsTaken) {
  const Case cases[] = {
      {"an empty line in front", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"absolute form", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"},
      {"an unknown method", "PURGE / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"no space after the colon", Get("Host:a\r\n")},
      {"space around a value", Get("Host: \t a \t \r\n")},
      {"an empty value", Get("Host: a\r\nX-Empty:\r\n")},
      {"bytes above ASCII in a value", Get("Host: a\r\nX-Name: caf\xc3\xa9\r\n")},
      {"an IPv6 host", Get("Host: [2001:db8::1]:443\r\n")},
      {"chunked in capitals", Get("Host: a\r\nTransfer-Encoding: Chunked\r\n")},
      {"empty elements in Connection", Get("Host: a\r\nConnection: , close,\r\n")},
      {"a query with every visible byte",
       "GET /?!$&'()*+,;=:@/[]^`{|}~\"<>\\ HTTP/1.1\r\nHost: a\r\n\r\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    RequestHead head;
    const ParseResult result = Read(c.text, head);
    EXPECT_EQ(result.state, Parse::kDone) << std::string(result.reason);
    EXPECT_EQ(result.bytes, c.text.size());
  }
}

TEST(RequestHeadTest, WhatTwoReadersMightReadDifferentlyIsRefused) {
  const Case cases[] = {
      {"bare LF ends the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
      {"bare LF ends a header", Get("Host: a\nX: b\r\n")},
      {"bare LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
      {"CR without LF in a header", Get("Host: a\r\nX: \rTransfer-Encoding: chunked\r\n")},
      {"CR CR LF", Get("Host: a\r\r\n")},
      {"NUL in a value", Get(absl::string_view("Host: a\r\nX: b\0c\r\n", 18))},
      {"folded header", Get("Host: a\r\nX: b\r\n c\r\n")},
      {"folded with a tab", Get("Host: a\r\nX: b\r\n\tc\r\n")},
      {"first header starts with a space", Get(" Host: a\r\n")},
      {"no Host", Get("")},
      {"two Hosts", Get("Host: a\r\nHost: b\r\n")},
      {"two equal Hosts", Get("Host: a\r\nHost: a\r\n")},
      {"empty Host", Get("Host:\r\n")},
      {"a list as Host", Get("Host: a, b\r\n")},
      {"a path in Host", Get("Host: a/b\r\n")},
      {"userinfo in Host", Get("Host: a@b\r\n")},
      {"space before the colon", Get("Host: a\r\nContent-Length : 3\r\n")},
      {"no colon", Get("Host: a\r\nnonsense\r\n")},
      {"empty name", Get("Host: a\r\n: x\r\n")},
      {"bad byte in a name", Get("Host: a\r\nX(Y): z\r\n")},
      {"control character in a value", Get("Host: a\r\nX: \x01\r\n")},
      {"DEL in a value", Get("Host: a\r\nX: \x7f\r\n")},
      {"both lengths", Get("Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n")},
      {"both lengths, the other way",
       Get("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n")},
      {"two Content-Lengths", Get("Host: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n")},
      {"two equal Content-Lengths", Get("Host: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n")},
      {"a list as Content-Length", Get("Host: a\r\nContent-Length: 3, 3\r\n")},
      {"signed Content-Length", Get("Host: a\r\nContent-Length: +3\r\n")},
      {"negative Content-Length", Get("Host: a\r\nContent-Length: -3\r\n")},
      {"hexadecimal Content-Length", Get("Host: a\r\nContent-Length: 0x3\r\n")},
      {"empty Content-Length", Get("Host: a\r\nContent-Length:\r\n")},
      {"Content-Length with a space inside", Get("Host: a\r\nContent-Length: 3 4\r\n")},
      {"Content-Length that overflows", Get("Host: a\r\nContent-Length: 99999999999999999999\r\n")},
      {"gzip, chunked", Get("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n")},
      {"chunked twice", Get("Host: a\r\nTransfer-Encoding: chunked, chunked\r\n")},
      {"two Transfer-Encodings",
       Get("Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"identity", Get("Host: a\r\nTransfer-Encoding: identity\r\n")},
      {"almost chunked", Get("Host: a\r\nTransfer-Encoding: xchunked\r\n")},
      {"empty Transfer-Encoding", Get("Host: a\r\nTransfer-Encoding:\r\n")},
      {"quoted chunked", Get("Host: a\r\nTransfer-Encoding: \"chunked\"\r\n")},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {"HTTP/1.1 with more digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
      {"http in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {"HTTP/0.9", "GET /\r\n\r\n"},
      {"two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"space at the end of the line", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
      {"bytes above ASCII in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a bad method", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"},
      {"a target that is no path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"an asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"userinfo in the target", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"no host in the target", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"two empty lines in front", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a TLS handshake",
       absl::StrCat(absl::string_view("\x16\x03\x01\x02\0\x01\xfc\n", 8), "\r\n\r\n")},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    RequestHead head;
    const ParseResult result = Read(c.text, head);
    EXPECT_EQ(result.state, Parse::kBad);
    EXPECT_EQ(result.status, 400);
    EXPECT_NE(result.reason, "");
  }
}

TEST(RequestHeadTest, BareLfIsRefusedBeforeTheHeadEnds) {
  RequestHead head;
  EXPECT_EQ(Read("GET / HTTP/1.1\n", head).state, Parse::kBad);
}

TEST(RequestHeadTest, TooLargeIs431) {
  const std::string large = Get(absl::StrCat("Host: a\r\nX: ", std::string(20'000, 'x'), "\r\n"));
  std::string many = "Host: a\r\n";
  for (int i = 0; i < 100; ++i) absl::StrAppend(&many, "X: y\r\n");
  const Case cases[] = {{"a large head", large},
                        {"a large head that has not ended", large.substr(0, 16 * 1024)},
                        {"many headers", Get(many)}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    RequestHead head;
    const ParseResult result = Read(c.text, head);
    EXPECT_EQ(result.state, Parse::kBad);
    EXPECT_EQ(result.status, 431);
  }
}

TEST(RequestHeadTest, HostOfTheTargetOutranksTheHeader) {
  RequestHead head;
  ASSERT_EQ(Read("GET http://inner/p HTTP/1.1\r\nHost: outer\r\n\r\n", head).state, Parse::kDone);
  EXPECT_EQ(head.host, "inner");
  EXPECT_EQ(head.target, "/p");
}

TEST(RequestHeadTest, KeepAliveFollowsVersionAndConnection) {
  struct {
    const char* text;
    bool keep_alive;
  } const cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n", false},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
      {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    RequestHead head;
    ASSERT_EQ(Read(c.text, head).state, Parse::kDone);
    EXPECT_EQ(head.keep_alive(), c.keep_alive);
  }
}

TEST(RequestHeadTest, ExpectationsAreKnownOrNot) {
  struct {
    const char* text;
    bool expects_continue;
    bool unknown;
  } const cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n", true, false},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n", false, true},
      {"GET / HTTP/1.0\r\nExpect: cake\r\n\r\n", false, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    RequestHead head;
    ASSERT_EQ(Read(c.text, head).state, Parse::kDone);
    EXPECT_EQ(head.expects_continue, c.expects_continue);
    EXPECT_EQ(head.unknown_expectation, c.unknown);
  }
}

}  // namespace
}  // namespace koi
