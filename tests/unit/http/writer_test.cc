// SPDX-License-Identifier: Apache-2.0
// What a backend and a client get to read.
#include "http/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/trailers.h"

namespace koi {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string Rewrite(absl::string_view request, bool tls = true, absl::string_view upgrade = "",
                    absl::string_view id = "") {
  HeadScanner scanner;
  RequestHead head;
  EXPECT_EQ(ReadRequestHead(request, {}, scanner, head).state, Parse::kDone);
  const ClientFacts facts = {.client = Endpoint::Parse("192.0.2.7:50000").value(),
                             .service = Endpoint::Parse("[2001:db8::1]:443").value(),
                             .tls = tls};
  std::string forwarded;
  WriteForwarded(facts, {}, forwarded);
  const std::string host = DefaultHost(facts);
  std::string out;
  WriteRequestHead(
      head, {.forwarded = forwarded, .request_id = id, .upgrade = upgrade, .host = host}, out);
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
      "X-Private: 1\r\nUpgrade: websocket\r\nTE: gzip\r\nTrailer: X\r\n"
      "Proxy-Authorization: Basic x\r\nProxy-Connection: close\r\nProxy: evil\r\nX-Kept: "
      "1\r\n\r\n");
  EXPECT_EQ(out,
            "GET / HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\nX-Forwarded-For: 192.0.2.7\r\n"
            "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\r\n");
}

TEST(WriterTest, UpgradeIsAskedForWhereItMayBe) {
  const char request[] =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: x\r\n\r\n";
  EXPECT_THAT(Rewrite(request, true, "websocket"),
              HasSubstr("Sec-WebSocket-Key: x\r\nX-Forwarded-For: 192.0.2.7\r\n"
                        "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n"
                        "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
  EXPECT_THAT(Rewrite(request), Not(HasSubstr("Upgrade")));
  EXPECT_EQ(Respond("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                    "Upgrade\r\nSec-WebSocket-Accept: y\r\n\r\n",
                    {.upgrade = "websocket"}),
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: y\r\nConnection: "
            "Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST(WriterTest, TrailersAreAnnouncedWhereTheyMayFollow) {
  EXPECT_THAT(Rewrite("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers, gzip\r\nTrailer: X-Sum\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n"),
              HasSubstr("Trailer: X-Sum\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: "
                        "https\r\nX-Forwarded-Port: 443\r\nConnection: TE\r\nTE: trailers\r\n"));
  const char response[] = "HTTP/1.1 200 OK\r\nTrailer: X\r\n\r\n";
  EXPECT_THAT(Respond(response, {.framing = Framing::kChunked, .trailers = true}),
              HasSubstr("Trailer: X\r\n"));
  EXPECT_THAT(Respond(response, {.framing = Framing::kChunked}), Not(HasSubstr("Trailer")));
}

TEST(WriterTest, TrailersAreWrittenAnewWithoutThoseThatBelongInFront) {
  std::string out;
  WriteTrailers(
      "X-Sum:1 \r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: "
      "x\r\n"
      "If-Match: x\r\nX-Forwarded-For: 1\r\nx_forwarded_for: 1\r\nX-Client-Cert-Subject: x\r\n"
      "grpc-status:\t0\r\n",
      out);
  EXPECT_EQ(out, "X-Sum: 1\r\ngrpc-status: 0\r\n\r\n");
}

TEST(WriterTest, RequestIdReplacesTheClients) {
  const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: theirs\r\n\r\n";
  EXPECT_THAT(Rewrite(request, true, "", "ours"), HasSubstr("X-Request-Id: ours\r\n"));
  EXPECT_THAT(Rewrite(request, true, "", "ours"), Not(HasSubstr("theirs")));
  EXPECT_THAT(Rewrite(request), HasSubstr("X-Request-ID: theirs\r\n"));
  EXPECT_EQ(Respond("HTTP/1.1 200 OK\r\nx-request-id: backend\r\n\r\n", {.request_id = "ours"}),
            "HTTP/1.1 200 OK\r\nX-Request-Id: ours\r\n\r\n");
}

TEST(WriterTest, ClientCannotSpeakForItself) {
  const std::string out = Rewrite(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: gopher\r\n"
      "X_Forwarded_For: 198.51.100.2\r\nX-Forwarded-Port: 1\r\nx-forwarded-host: evil\r\n"
      "X-Real-IP: 198.51.100.3\r\nForwarded: for=198.51.100.4\r\nX-Client-Cert-Subject: "
      "CN=root\r\n\r\n",
      /*tls=*/false);
  EXPECT_EQ(out,
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: "
            "http\r\nX-Forwarded-Port: 443\r\n\r\n");
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
