// SPDX-License-Identifier: Apache-2.0
// What a service's configuration bounds: how long who is waited for, how much may come, and whose
// word about clients counts.
#include <sys/socket.h>

#include "absl/strings/str_cat.h"
#include "net/socket.h"
#include "support/tls/bundled.h"
#include "unit/worker/worker_fixture.h"
#include "worker/http1/pace.h"

namespace koi {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A worker with one service, plain and over TLS, as a test wishes it.
class HttpLimitsTest : public ::testing::Test {
 protected:
  void Serve(WorkerService service, const WorkerPool& pool = {}) {
    service.name = "web";
    service.listen = {http()};
    WorkerService secure = service;
    secure.name = "secure";
    secure.listen = {https()};
    secure.tls = TlsMode::kTerminate;
    secure.certificates = Bundled({certificate_});
    const WorkerMessage answer = worker_.Start({service, secure}, {pool});
    ASSERT_TRUE(std::holds_alternative<WorkerReady>(answer));
  }
  Endpoint http() const { return worker_.At(1); }
  Endpoint https() const { return worker_.At(2); }
  std::string Answer(const std::string& bytes) {
    auto client = ConnectTo(http());
    client->Send(bytes);
    return client->ReadToEnd();
  }
  // Why connections have ended, once none is left.
  std::string Reasons() {
    EXPECT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 0; }));
    worker_.Drain(1min);
    EXPECT_EQ(worker_.Ended(kSoon), 0);
    return worker_.Log();
  }

  MadeCertificate certificate_ = MakeCertificate("koi.example");
  WorkerProcess worker_;
};

TEST_F(HttpLimitsTest, NobodyIsWaitedForForEver) {
  const std::string large = absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n",
                                         std::string(50'000'000, 'x'));
  TestBackend web([&](TestPeer& client, TestBackend&) {
    for (;;) {
      const std::string head = client.ReadMessage().head;
      if (head.empty()) return;
      if (head.rfind("GET /half", 0) == 0) {
        client.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      } else if (head.rfind("GET /large", 0) == 0) {
        client.Send(large);
      } else if (head.rfind("GET /chat", 0) == 0) {
        client.Send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: "
            "websocket\r\n\r\n");
      } else if (head.rfind("GET /never", 0) != 0) {
        client.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
    }
  });
  worker_.AddBackend(0, "web-1", web.endpoint());
  Serve({.timeouts =
             {.handshake = 500ms, .head = 500ms, .idle = 500ms, .body = 500ms, .tunnel = 500ms}},
        {.timeouts = {.response = 1s}});

  auto no_handshake = ConnectTo(https());
  auto half_a_head = ConnectTo(http());
  half_a_head->Send("GET / HTTP/1.1\r\n");
  auto half_a_body = ConnectTo(http());
  half_a_body->Send("POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhi");
  auto unanswered = ConnectTo(http());
  unanswered->Send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
  auto unwelcome = ConnectTo(http());  // waits for a 100 that never comes: not its own fault
  unwelcome->Send(
      "PUT /never HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  auto half_answered = ConnectTo(http());
  half_answered->Send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n");
  auto idle = ConnectTo(http());
  idle->Send(kGet);
  auto silent_tunnel = ConnectTo(http());
  silent_tunnel->Send(
      "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  auto stalled = ConnectTo(http());
  stalled->Send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");

  EXPECT_EQ(no_handshake->ReadToEnd(), "");
  EXPECT_THAT(half_a_head->ReadToEnd(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(half_a_body->ReadToEnd(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(unanswered->ReadMessage().head, StartsWith("HTTP/1.1 504 "));
  EXPECT_THAT(unwelcome->ReadToEnd(), StartsWith("HTTP/1.1 504 "));
  EXPECT_FALSE(half_answered->ReadMessage().whole);
  EXPECT_THAT(idle->ReadToEnd(), EndsWith("ok"));
  EXPECT_THAT(silent_tunnel->ReadToEnd(), StartsWith("HTTP/1.1 101 "));
  EXPECT_TRUE(unanswered->AtEnd());  // idle after its answer
  for (auto* peer : {&no_handshake, &half_a_head, &half_a_body, &unanswered, &unwelcome,
                     &half_answered, &idle, &silent_tunnel}) {
    (*peer)->Close();
  }
  EXPECT_EQ(worker_.Figures().handshake_failures, 1u);
  const std::string reasons = Reasons();
  EXPECT_THAT(reasons, HasSubstr("handshake-timed-out=1 head-timed-out=1 body-timed-out=1 "
                                 "client-stalled=1 idle-timed-out=2 tunnel-timed-out=1"));
  EXPECT_THAT(reasons, HasSubstr("backend-timed-out=2"));
}

// A listener whose queue is full: the kernel drops what else wants to connect.
TEST_F(HttpLimitsTest, BackendThatTakesNoConnectionIsGivenUp) {
  const Fd listener = ListenTcp({Address::Parse("127.0.0.1").value(), 0}).value();
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  const Endpoint full = LocalEndpoint(listener.get()).value();
  std::vector<Fd> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(ConnectTcp(full).value());
  const BackendEntry backend = worker_.AddBackend(0, "web-1", full);
  Serve({}, {.timeouts = {.connect = 200ms}});
  EXPECT_THAT(Answer("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(worker_.Figures(backend).errors, 1u);
  EXPECT_THAT(Reasons(), HasSubstr("backend-unreachable=1"));
}

TEST_F(HttpLimitsTest, BodyThatDribblesIsNotWaitedFor) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(0, "web-1", web.endpoint());
  Serve({.timeouts = {.body = 500ms}, .limits = {.body_rate = 100'000}});
  auto client = ConnectTo(http());
  client->Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_TRUE(Eventually(kSoon, [&] {
    client->Send("x");  // never a pause of `body`
    return worker_.Figures().requests == 1;
  }));
  EXPECT_THAT(client->ReadMessage().head, StartsWith("HTTP/1.1 408 "));
  client->Close();
  EXPECT_THAT(Reasons(), HasSubstr("body-timed-out=1"));
}

TEST(PaceTest, OnlyTimeThatTheClientIsWaitedForCounts) {
  const TimePoint start = Now();
  Pace pace(10s, 100);
  pace.Note(start, true, 0);
  EXPECT_EQ(pace.due(), start + 10s);
  pace.Note(start + 9s, true, 50);  // half a second earned
  EXPECT_EQ(pace.due(), start + 10s);
  pace.Note(start + 9s, true, 500);
  EXPECT_EQ(pace.due(), start + 15s);
  pace.Note(start + 9s, false, 500);  // the backend takes its time
  pace.Note(start + 69s, true, 500);
  EXPECT_EQ(pace.due(), start + 75s);
  pace.Note(start + 70s, true, 1'000'000);
  EXPECT_EQ(pace.due(), start + 80s);  // what was earned does not pay for silence
  Pace any(10s, 0);
  any.Note(start, true, 0);
  any.Note(start + 9s, true, 1);
  EXPECT_EQ(any.due(), start + 19s);
}

TEST_F(HttpLimitsTest, WhatGoesOnIsCutAfterTheDrainTime) {
  TestBackend web([](TestPeer& client, TestBackend& backend) {
    (void)client.ReadMessage();
    backend.CountRequest();
    (void)client.ReadToEnd();
  });
  worker_.AddBackend(0, "web-1", web.endpoint());
  WorkerService service = {.timeouts = {.drain = 200ms}};
  Serve(service);
  auto client = ConnectTo(http());
  client->Send(kGet);
  ASSERT_TRUE(Eventually(kSoon, [&] { return web.requests() == 1; }));
  ASSERT_TRUE(std::holds_alternative<WorkerReady>(worker_.Start({})));  // the service is gone
  bool reset = false;
  EXPECT_EQ(client->ReadToEnd(&reset), "");
  EXPECT_TRUE(reset);
  EXPECT_THAT(Reasons(), HasSubstr("cut=1"));
}

TEST_F(HttpLimitsTest, TooMuchIsRefusedByName) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(0, "web-1", web.endpoint());
  Serve({.limits = {.head_bytes = 512, .headers = 5, .body_bytes = 10}});
  EXPECT_THAT(Answer("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(500, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Answer("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Answer("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(web.connections(), 0);
  auto client = ConnectTo(http());
  client->Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n");
  ASSERT_TRUE(Eventually(kSoon, [&] { return web.connections() == 1; }));
  client->Send("5\r\nworld\r\n0\r\n\r\n");
  EXPECT_THAT(client->ReadToEnd(), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Answer("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: "
                     "10\r\n\r\n0123456789"),
              EndsWith("0123456789"));
  client->Close();
  EXPECT_THAT(Reasons(), HasSubstr("too-large=4"));
}

TEST_F(HttpLimitsTest, LastRequestOfAConnectionIsAnsweredAsSuch) {
  TestBackend web(TestBackend::Says("web-1"));
  worker_.AddBackend(0, "web-1", web.endpoint());
  Serve({.limits = {.requests_per_connection = 2}});
  auto client = ConnectTo(http());
  client->Send(absl::StrCat(kGet, kGet, kGet));
  EXPECT_THAT(client->ReadMessage().head, Not(HasSubstr("Connection: close")));
  EXPECT_THAT(client->ReadMessage().head, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client->AtEnd());
  EXPECT_EQ(web.requests(), 2);
}

TEST_F(HttpLimitsTest, OnlyATrustedProxyIsBelieved) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(0, "web-1", web.endpoint());
  const char headers[] = "X-Forwarded-For: 203.0.113.1\r\nX-Request-Id: theirs\r\n";
  const std::string request = absl::StrCat("GET / HTTP/1.1\r\nHost: a\r\n", headers, "\r\n");
  Serve({.http = {.request_id = RequestIdHeader::kReturn}});
  auto client = ConnectTo(http());
  client->Send(request);
  TestPeer::Message answer = client->ReadMessage();
  EXPECT_THAT(answer.body, HasSubstr("X-Forwarded-For: 127.0.0.1\r\n"));
  EXPECT_THAT(answer.body, Not(HasSubstr("theirs")));
  EXPECT_THAT(answer.head, HasSubstr("X-Request-Id: "));

  Serve({.trusted_proxies = {Prefix::Parse("127.0.0.0/8").value()},
         .http = {.forwarded = ForwardedHeaders::kBoth, .request_id = RequestIdHeader::kForward}});
  client->Send(request);  // on the same connection
  answer = client->ReadMessage();
  EXPECT_THAT(answer.body, HasSubstr("X-Forwarded-For: 203.0.113.1, 127.0.0.1\r\n"));
  EXPECT_THAT(answer.body, HasSubstr("Forwarded: for=127.0.0.1;proto=http\r\n"));
  EXPECT_THAT(answer.body, HasSubstr("X-Request-Id: theirs\r\n"));
  EXPECT_THAT(answer.head, Not(HasSubstr("X-Request-Id")));
}

}  // namespace
}  // namespace koi
