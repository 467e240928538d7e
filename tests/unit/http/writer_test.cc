// SPDX-License-Identifier: Apache-2.0
// What a backend and a client get to read.
#include "http/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace koi {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string Rewrite(absl::string_view request, bool tls = true) {
  HeadScanner scanner;
  RequestHead head;
  EXPECT_EQ(ReadRequestHead(request, {}, scanner, head).state, Parse::kDone);
  std::string out;
  const Address client = Address::Parse("192.0.2.7").value();
  WriteRequestHead(head,
                   {.client = {client, 50000},
                    .service = Endpoint::Parse("[2001:db8::1]:443").value(),
                    .tls = tls},
                   out);
  return out;
}

std::string Respond(absl::string_view response, const ResponsePlan& plan) {
  HeadScanner scanner;
  ResponseHead head;
  EXPECT_EQ(ReadResponseHead(response, {}, scanner, head).state, Parse::kDone);
  std::string out;
  WriteResponseHead(head, plan, out);
  return out;
}

TEST(WriterTest, RequestIsWrittenAnewWithTheClientsFacts) {
  EXPECT_EQ(Rewrite("GET /p?q HTTP/1.0\r\nAccept:  a \r\nHost: koi.example\r\n\r\n"),
            "GET /p?q HTTP/1.1\r\n"
            "Host: koi.example\r\n"
            "Accept: a\r\n"
            "X-Forwarded-For: 192.0.2.7\r\n"
            "X-Forwarded-Proto: https\r\n"
            "X-Forwarded-Port: 443\r\n"
            "\r\n");
}

TEST(WriterTest, HeadersOfOneConnectionStayOnIt) {
  const std::string out = Rewrite(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-private, keep-alive, upgrade\r\nKeep-Alive: 5\r\n"
      "X-Private: 1\r\nUpgrade: websocket\r\nTE: trailers\r\nTrailer: X\r\n"
      "Proxy-Authorization: Basic x\r\nProxy-Connection: close\r\nProxy: evil\r\nX-Kept: "
      "1\r\n\r\n");
  EXPECT_EQ(out,
            "GET / HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\nX-Forwarded-For: 192.0.2.7\r\n"
            "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\r\n");
}

TEST(WriterTest, ForwardedForIsExtendedAndTheOthersReplaced) {
  const std::string out = Rewrite(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: gopher\r\n"
      "X-Forwarded-For: 198.51.100.2\r\nX-Forwarded-Port: 1\r\n\r\n",
      /*tls=*/false);
  EXPECT_THAT(out, HasSubstr("X-Forwarded-For: 198.51.100.1, 198.51.100.2, 192.0.2.7\r\n"
                             "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 443\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("gopher")));
}

TEST(WriterTest, FramingIsTheRequestsOwn) {
  EXPECT_THAT(Rewrite("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n"),
              HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(Rewrite("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n"),
              HasSubstr("Transfer-Encoding: chunked\r\n"));
}

TEST(WriterTest, ConnectionCannotTakeAwayWhatKoiWrites) {
  const std::string out = Rewrite(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length, x-forwarded-for\r\n"
      "Content-Length: 7\r\n\r\n");
  EXPECT_THAT(out, HasSubstr("Host: a\r\n"));
  EXPECT_THAT(out, HasSubstr("X-Forwarded-For: 192.0.2.7\r\n"));
  EXPECT_THAT(out, HasSubstr("Content-Length: 7\r\n"));
}

TEST(WriterTest, AbsoluteTargetBecomesAPath) {
  EXPECT_THAT(Rewrite("GET http://inner HTTP/1.1\r\nHost: outer\r\n\r\n"),
              StartsWith("GET / HTTP/1.1\r\nHost: inner\r\n"));
  EXPECT_THAT(Rewrite("GET http://inner?q HTTP/1.1\r\nHost: outer\r\n\r\n"),
              StartsWith("GET /?q HTTP/1.1\r\nHost: inner\r\n"));
}

TEST(WriterTest, RequestWithoutHostIsForTheServicesEndpoint) {
  EXPECT_THAT(Rewrite("GET / HTTP/1.0\r\n\r\n"), HasSubstr("Host: [2001:db8::1]\r\n"));
  EXPECT_THAT(Rewrite("GET / HTTP/1.0\r\n\r\n", /*tls=*/false),
              HasSubstr("Host: [2001:db8::1]:443\r\n"));
}

TEST(WriterTest, ExpectationIsForwardedUnlessTheClientIsTooOld) {
  EXPECT_THAT(Rewrite("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"),
              HasSubstr("Expect: 100-continue\r\n"));
  EXPECT_THAT(Rewrite("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), Not(HasSubstr("Expect")));
}

TEST(WriterTest, ResponseIsWrittenAnew) {
  EXPECT_EQ(Respond("HTTP/1.0 200 Fine\r\nServer: x\r\nConnection: close\r\nContent-Length: 3\r\n"
                    "Keep-Alive: timeout=5\r\n\r\n",
                    {.framing = Framing::kLength}),
            "HTTP/1.1 200 Fine\r\nServer: x\r\nContent-Length: 3\r\n\r\n");
}

TEST(WriterTest, ResponseSaysHowItsBodyEnds) {
  EXPECT_EQ(Respond("HTTP/1.1 200 OK\r\n\r\n", {.framing = Framing::kChunked}),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(
      Respond("HTTP/1.1 200 OK\r\n\r\n", {.framing = Framing::kUntilClose, .keep_alive = false}),
      "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(Respond("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
                    {.framing = Framing::kLength, .client_minor_version = 0}),
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n");
}

TEST(WriterTest, HeadKeepsTheLengthOfTheBodyItHasNot) {
  EXPECT_THAT(Respond("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", {.framing = Framing::kNone}),
              HasSubstr("Content-Length: 9\r\n"));
  EXPECT_THAT(
      Respond("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", {.framing = Framing::kNone}),
      Not(HasSubstr("Content-Length")));
}

TEST(WriterTest, InterimResponseSaysNothingOfTheConnection) {
  EXPECT_EQ(Respond("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
                    {.framing = Framing::kNone, .keep_alive = false}),
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
}

TEST(WriterTest, ChunksHaveHexadecimalSizes) { EXPECT_EQ(ChunkHead(17), "11\r\n"); }

}  // namespace
}  // namespace koi
