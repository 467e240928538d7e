// SPDX-License-Identifier: Apache-2.0
// Whose word about a client counts.
#include "http/forwarding.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "http/request_head.h"
#include "http/request_id.h"

namespace koi {
namespace {

class ForwardingTest : public testing::Test {
 protected:
  // The headers of a request with these lines.
  const Headers& Sent(const std::string& lines) {
    text_ = absl::StrCat("GET / HTTP/1.1\r\nHost: a\r\n", lines, "\r\n");
    HeadScanner scanner;
    head_ = RequestHead();
    EXPECT_EQ(ReadRequestHead(text_, {}, scanner, head_).state, Parse::kDone) << lines;
    return head_.fields.headers;
  }
  std::string Written(ForwardedStyle style) {
    std::string out;
    WriteForwarded(facts_, style, out);
    return out;
  }
  std::string Extended(const std::string& lines, ForwardedStyle style) {
    std::string out;
    ExtendForwarded(Sent(lines), facts_, style, out);
    return out;
  }
  std::string Behind(const std::string& lines) {
    const std::vector<Prefix> trusted = {Prefix::Parse("10.0.0.0/8").value(),
                                         Prefix::Parse("fd00::/8").value()};
    const std::optional<Address> client = ClientBehind(Sent(lines), trusted);
    return client.has_value() ? client->ToString() : "";
  }

  ClientFacts facts_ = {.client = Endpoint::Parse("10.0.0.9:50000").value(),
                        .service = Endpoint::Parse("192.0.2.1:443").value(),
                        .tls = true};
  std::string text_;
  RequestHead head_;
};

TEST_F(ForwardingTest, StylesAreWritten) {
  const std::string x =
      "X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n";
  EXPECT_EQ(Written({}), x);
  EXPECT_EQ(Written({.x_forwarded = false}), "");
  EXPECT_EQ(Written({.rfc7239 = true}), x + "Forwarded: for=10.0.0.9;proto=https\r\n");
  facts_.client = Endpoint::Parse("[2001:db8::7]:1").value();
  EXPECT_EQ(Written({.x_forwarded = false, .rfc7239 = true}),
            "Forwarded: for=\"[2001:db8::7]\";proto=https\r\n");
}

TEST_F(ForwardingTest, TrustedProxyIsExtended) {
  EXPECT_EQ(Extended("X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-For: 10.1.1.1\r\n"
                     "X-Forwarded-Proto: http\r\nX-Forwarded-Host: b\r\nForwarded: for=_x\r\n",
                     {}),
            "X-Forwarded-For: 203.0.113.1, 10.1.1.1, 10.0.0.9\r\nX-Forwarded-Port: 443\r\n"
            "X-Forwarded-Proto: http\r\nX-Forwarded-Host: b\r\nForwarded: for=_x\r\n");
  EXPECT_EQ(Extended("Forwarded: for=203.0.113.1\r\nX-Forwarded-For: 203.0.113.1\r\n",
                     {.x_forwarded = false, .rfc7239 = true}),
            "X-Forwarded-For: 203.0.113.1\r\n"
            "Forwarded: for=203.0.113.1, for=10.0.0.9;proto=https\r\n");
  EXPECT_EQ(Extended("", {.x_forwarded = false}), "");
}

TEST_F(ForwardingTest, ClientIsTheLastThatIsNoTrustedProxy) {
  EXPECT_EQ(Behind(""), "");
  EXPECT_EQ(Behind("X-Forwarded-For: 203.0.113.1\r\n"), "203.0.113.1");
  EXPECT_EQ(Behind("X-Forwarded-For: 198.51.100.1, 203.0.113.1,10.2.2.2 , fd00::1\r\n"),
            "203.0.113.1");
  EXPECT_EQ(Behind("X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-For: 10.2.2.2\r\n"), "203.0.113.1");
  EXPECT_EQ(Behind("X-Forwarded-For: 10.1.1.1, 10.2.2.2\r\n"), "10.1.1.1");
  EXPECT_EQ(Behind("X-Forwarded-For: 203.0.113.1:4711, [fd00::2]:80\r\n"), "203.0.113.1");
  EXPECT_EQ(Behind("X-Forwarded-For: 203.0.113.1, unknown, 10.2.2.2\r\n"), "10.2.2.2");
  EXPECT_EQ(Behind("X-Forwarded-For: unknown\r\n"), "");
  EXPECT_EQ(Behind("Forwarded: for=203.0.113.1;proto=http, For=\"[fd00::2]:80\"\r\n"),
            "203.0.113.1");
  EXPECT_EQ(Behind("Forwarded: proto=http\r\n"), "");
}

TEST(RequestIdTest, IdsDiffer) {
  const std::string one = MakeRequestId();
  EXPECT_EQ(one.size(), 32u);
  EXPECT_TRUE(IsRequestId(one));
  EXPECT_NE(one, MakeRequestId());
}

TEST(RequestIdTest, OnlyVisibleCharactersAndNotTooManyAreAnId) {
  EXPECT_TRUE(IsRequestId("0af7-\"x\""));
  EXPECT_FALSE(IsRequestId(""));
  EXPECT_FALSE(IsRequestId("a b"));
  EXPECT_FALSE(IsRequestId("a\xff"));
  EXPECT_FALSE(IsRequestId(std::string(129, 'a')));
}

}  // namespace
}  // namespace koi
