// SPDX-License-Identifier: Apache-2.0
// mode = "http", from the client's and the backend's point of view.
#include <openssl/ssl.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using HttpWorkerTest = WorkerTest;

// A backend that answers each request with these bytes and closes.
TestBackend::Script Answers(const std::string& response) {
  return [response](TestPeer& client, TestBackend& backend) {
    if (client.ReadMessage().head.empty()) return;
    backend.CountRequest();
    client.Send(response);
  };
}

TEST_F(HttpWorkerTest, RequestReachesTheBackendAndItsResponseTheClient) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send(kGet);
  EXPECT_EQ(client->ReadMessage().body,
            absl::StrCat("GET / HTTP/1.1\r\nHost: koi.example\r\nX-Forwarded-For: 127.0.0.1\r\n"
                         "X-Forwarded-Proto: http\r\nX-Forwarded-Port: ",
                         http().port, "\r\n\r\n"));
}

TEST_F(HttpWorkerTest, TlsIsTerminated) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_THAT(Get(https()).body, HasSubstr("X-Forwarded-Proto: https\r\n"));
  EXPECT_EQ(worker_.Figures().handshakes, 1u);
}

TEST_F(HttpWorkerTest, WelcomeIsForThePoolWithoutBackends) {
  auto client = ConnectTo(welcome());
  client->Send(kGet);
  const TestPeer::Message page = client->ReadMessage();
  EXPECT_THAT(page.head, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/html"));
  EXPECT_EQ(page.body, "<p>welcome");

  TestBackend web(TestBackend::Says("web-1"));
  BackendEntry backend = worker_.AddBackend(kNewPool, "web-1", web.endpoint());
  client->Send(kGet);  // on the connection it has
  EXPECT_EQ(client->ReadMessage().body, "web-1\n");
  worker_.SetHealth(backend, BackendHealth::kDown);
  EXPECT_THAT(Get(welcome()).head, StartsWith("HTTP/1.1 503"));
}

TEST_F(HttpWorkerTest, Ip6IsServed) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_THAT(Get(http_ip6()).body, HasSubstr("X-Forwarded-For: ::1\r\n"));
}

TEST_F(HttpWorkerTest, OneConnectionEachWayServesManyRequests) {
  TestBackend web(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  for (int i = 0; i < 20; ++i) {
    SCOPED_TRACE(i);
    client->Send(kGet);
    ASSERT_EQ(client->ReadMessage().body, "web-1\n");
  }
  EXPECT_EQ(web.connections(), 1);
  EXPECT_EQ(worker_.Figures().accepted, 1u);
}

TEST_F(HttpWorkerTest, BackendConnectionIsSharedByClientsOneAfterTheOther) {
  TestBackend web(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Get(https()).body, "web-1\n");
  EXPECT_EQ(web.connections(), 1);
}

TEST_F(HttpWorkerTest, PipelinedRequestsAreAnsweredInOrder) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  std::string all;
  for (int i = 0; i < 50; ++i) {
    absl::StrAppend(&all, "GET /", i, " HTTP/1.1\r\nHost: koi.example\r\n\r\n");
  }
  client->Send(all);
  for (int i = 0; i < 50; ++i) {
    SCOPED_TRACE(i);
    ASSERT_THAT(client->ReadMessage().body, StartsWith(absl::StrCat("GET /", i, " HTTP/1.1\r\n")));
  }
}

TEST_F(HttpWorkerTest, BackendsTakeTurns) {
  TestBackend one(TestBackend::Says("one"));
  TestBackend two(TestBackend::Says("two"));
  worker_.AddBackend(kWebPool, "one", one.endpoint());
  worker_.AddBackend(kWebPool, "two", two.endpoint());
  std::map<std::string, int> answered;
  for (int i = 0; i < 10; ++i) ++answered[Get(http()).body];
  EXPECT_EQ(answered["one\n"], 5);
  EXPECT_EQ(answered["two\n"], 5);
}

TEST_F(HttpWorkerTest, WeightsAreShares) {
  TestBackend heavy(TestBackend::Says("heavy"));
  TestBackend light(TestBackend::Says("light"));
  worker_.AddBackend(kWebPool, "heavy", heavy.endpoint(), 300);
  worker_.AddBackend(kWebPool, "light", light.endpoint(), 100);
  for (int i = 0; i < 12; ++i) (void)Get(http());
  EXPECT_EQ(heavy.requests(), 9);
  EXPECT_EQ(light.requests(), 3);
}

TEST_F(HttpWorkerTest, DrainingAndDownBackendsGetNoRequest) {
  TestBackend one(TestBackend::Says("one"));
  TestBackend two(TestBackend::Says("two"));
  BackendEntry first = worker_.AddBackend(kWebPool, "one", one.endpoint());
  worker_.AddBackend(kWebPool, "two", two.endpoint());
  auto client = ConnectTo(http());
  for (int i = 0; i < 2; ++i) {
    client->Send(kGet);
    ASSERT_TRUE(client->ReadMessage().whole);
  }
  worker_.SetAdmin(first, BackendAdmin::kDraining);
  for (int i = 0; i < 6; ++i) {
    client->Send(kGet);
    EXPECT_EQ(client->ReadMessage().body, "two\n");
  }
  worker_.SetAdmin(first, BackendAdmin::kEnabled);
  worker_.SetHealth(first, BackendHealth::kDown);
  for (int i = 0; i < 6; ++i) {
    client->Send(kGet);
    EXPECT_EQ(client->ReadMessage().body, "two\n");
  }
}

TEST_F(HttpWorkerTest, IdleConnectionsOfADrainedBackendAreClosed) {
  std::atomic<int> ended = 0;
  TestBackend web([&](TestPeer& client, TestBackend& backend) {
    TestBackend::Says("web-1")(client, backend);
    ++ended;
  });
  BackendEntry backend = worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  ASSERT_TRUE(Get(http()).whole);
  EXPECT_EQ(ended, 0);
  worker_.SetAdmin(backend, BackendAdmin::kDraining);
  EXPECT_TRUE(Eventually(kSoon, [&] { return ended == 1; }));
}

TEST_F(HttpWorkerTest, NumberOfARemovedBackendMayServeAnother) {
  TestBackend one(TestBackend::Says("one"));
  TestBackend two(TestBackend::Says("two"));
  const BackendEntry first = worker_.AddBackend(kWebPool, "one", one.endpoint());
  ASSERT_EQ(Get(http()).body, "one\n");
  worker_.backends().Remove(first.number);
  BackendEntry second;
  do {  // numbers go round before one comes again
    second = worker_.AddBackend(kWebPool, "two", two.endpoint());
    if (second.number != first.number) worker_.backends().Remove(second.number);
  } while (second.number != first.number);
  EXPECT_EQ(Get(http()).body, "two\n");
  EXPECT_EQ(worker_.Figures(second).requests, 1u);
}

TEST_F(HttpWorkerTest, RefusingBackendIsFollowedByTheNext) {
  TestBackend gone(TestBackend::Says("gone"));
  TestBackend two(TestBackend::Says("two"));
  const BackendEntry first = worker_.AddBackend(kWebPool, "gone", gone.endpoint());
  worker_.AddBackend(kWebPool, "two", two.endpoint());
  gone.Stop();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Get(http()).body, "two\n");
  EXPECT_EQ(worker_.Figures(first).errors, 2u);
}

TEST_F(HttpWorkerTest, NoBackendIs503AndTheConnectionGoesOn) {
  auto client = ConnectTo(http());
  client->Send(kGet);
  EXPECT_THAT(client->ReadMessage().head, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  TestBackend web(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  client->Send(kGet);
  EXPECT_EQ(client->ReadMessage().body, "web-1\n");
  EXPECT_EQ(worker_.Figures().errors, 1u);
}

TEST_F(HttpWorkerTest, NoBackendThatAnswersIs502) {
  TestBackend gone(TestBackend::Says("gone"));
  worker_.AddBackend(kWebPool, "gone", gone.endpoint());
  gone.Stop();
  EXPECT_THAT(Get(http()).head, StartsWith("HTTP/1.1 502 Bad Gateway\r\n"));
}

TEST_F(HttpWorkerTest, BackendThatClosesWithoutAResponseIs502) {
  TestBackend web(Answers(""));
  const BackendEntry backend = worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_THAT(Get(http()).head, StartsWith("HTTP/1.1 502 Bad Gateway\r\n"));
  EXPECT_EQ(web.requests(), 1);  // a fresh connection: nothing says that it may be sent again
  EXPECT_EQ(worker_.Figures(backend).errors, 1u);
}

TEST_F(HttpWorkerTest, MalformedResponsesAre502) {
  for (const char* response : {
           "nonsense\r\n\r\n",
           "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
       }) {
    SCOPED_TRACE(response);
    TestBackend web(Answers(response));
    const BackendEntry backend = worker_.AddBackend(kWebPool, "web-1", web.endpoint());
    EXPECT_THAT(Get(http()).head, StartsWith("HTTP/1.1 502 Bad Gateway\r\n"));
    worker_.backends().Remove(backend.number);
  }
}

TEST_F(HttpWorkerTest, ResponseThatBreaksOffIsNotWhole) {
  for (const char* response : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfX"}) {
    SCOPED_TRACE(response);
    TestBackend web(Answers(response));
    const BackendEntry backend = worker_.AddBackend(kWebPool, "web-1", web.endpoint());
    EXPECT_FALSE(Get(http()).whole);
    EXPECT_FALSE(Get(https()).whole);
    worker_.backends().Remove(backend.number);
  }
}

TEST_F(HttpWorkerTest, StaleConnectionIsReplacedWithoutTheClientNoticing) {
  // Answers one request, then closes when it sees the next: what a server's idle timeout does.
  TestBackend web([](TestPeer& client, TestBackend& backend) {
    if (client.ReadMessage().head.empty()) return;
    backend.CountRequest();
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    (void)client.ReadMessage();
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  for (int i = 0; i < 5; ++i) {
    SCOPED_TRACE(i);
    client->Send(kGet);
    ASSERT_EQ(client->ReadMessage().body, "ok");
  }
  EXPECT_EQ(web.connections(), 5);
}

TEST_F(HttpWorkerTest, RequestThatMayHaveHadAnEffectIsNotSentTwice) {
  std::atomic<int> posts = 0;
  TestBackend web([&](TestPeer& client, TestBackend&) {
    for (;;) {
      const std::string head = client.ReadMessage().head;
      if (head.empty()) return;
      if (head.rfind("POST", 0) == 0) {
        ++posts;
        return;
      }
      client.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  ASSERT_TRUE(Get(http()).whole);
  auto client = ConnectTo(http());
  client->Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(client->ReadMessage().head, StartsWith("HTTP/1.1 502 Bad Gateway\r\n"));
  EXPECT_EQ(posts, 1);
}

TEST_F(HttpWorkerTest, BodiesGoBothWaysChunkedOrNot) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectToTls(https());
  client->Send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\nTrailer: x\r\n\r\n");
  TestPeer::Message echoed = client->ReadMessage();
  EXPECT_THAT(echoed.body, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(echoed.body, EndsWith("\r\n\r\nhello, world"));

  client->Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  echoed = client->ReadMessage();
  EXPECT_THAT(echoed.body, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(echoed.body, EndsWith("\r\n\r\nhello"));
  EXPECT_EQ(web.connections(), 1);
}

TEST_F(HttpWorkerTest, ResponseOfUnknownLengthIsChunked) {
  TestBackend web(Answers("HTTP/1.0 200 OK\r\n\r\nuntil the end"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send(kGet);
  const TestPeer::Message response = client->ReadMessage();
  EXPECT_THAT(response.head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(response.body, "until the end");
  client->Send(kGet);
  EXPECT_EQ(client->ReadMessage().body, "until the end");
}

TEST_F(HttpWorkerTest, OldClientGetsNoChunks) {
  TestBackend web(
      Answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  const std::string answer = Answer("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(answer, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
}

TEST_F(HttpWorkerTest, OldClientMayKeepItsConnection) {
  TestBackend web(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  for (int i = 0; i < 2; ++i) {
    client->Send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    const TestPeer::Message response = client->ReadMessage();
    EXPECT_THAT(response.head, HasSubstr("Connection: keep-alive\r\n"));
    EXPECT_EQ(response.body, "web-1\n");
  }
}

TEST_F(HttpWorkerTest, HeadAndTheBodilessStatusesHaveNoBody) {
  TestBackend web([](TestPeer& client, TestBackend&) {
    for (;;) {
      const std::string head = client.ReadMessage().head;
      if (head.empty()) return;
      if (head.rfind("HEAD", 0) == 0) client.Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
      if (head.rfind("GET /204", 0) == 0) client.Send("HTTP/1.1 204 No Content\r\n\r\n");
      if (head.rfind("GET /304", 0) == 0) client.Send("HTTP/1.1 304 Not Modified\r\n\r\n");
    }
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client->ReadMessage(true).head, HasSubstr("Content-Length: 9\r\n"));
  client->Send("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client->ReadMessage().head, StartsWith("HTTP/1.1 204"));
  client->Send("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client->ReadMessage().head, StartsWith("HTTP/1.1 304"));
  EXPECT_EQ(web.connections(), 1);
}

TEST_F(HttpWorkerTest, ExpectationIsTheBackendsToAnswer) {
  TestBackend web([](TestPeer& client, TestBackend&) {
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) head += client.Read(1);
    client.Send("HTTP/1.1 100 Continue\r\n\r\n");
    const std::string body = client.Read(5);
    client.Send(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", body));
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(client->ReadMessage().head, "HTTP/1.1 100 Continue\r\n\r\n");
  client->Send("hello");
  EXPECT_EQ(client->ReadMessage().body, "hello");
}

TEST_F(HttpWorkerTest, EarlyRefusalReachesAClientThatIsStillSending) {
  TestBackend web([](TestPeer& client, TestBackend&) {
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) head += client.Read(1);
    client.Send(
        "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbig\n");
    client.EndWriting();
    (void)client.ReadToEnd();
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n");
  client->Send(std::string(1'000'000, 'x'));
  const TestPeer::Message response = client->ReadMessage();
  EXPECT_THAT(response.head, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(response.head, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(response.body, "big\n");
}

TEST_F(HttpWorkerTest, UnknownExpectationIs417) {
  EXPECT_THAT(Answer("GET / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n"),
              StartsWith("HTTP/1.1 417 "));
}

TEST_F(HttpWorkerTest, MalformedRequestsAreRefusedAndNothingReachesTheBackend) {
  TestBackend web(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  for (const char* request : {
           "GET / HTTP/1.1\n\n",
           "GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
           "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
           "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
           "\x16\x03\x01\n",
       }) {
    SCOPED_TRACE(request);
    EXPECT_THAT(Answer(request), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  }
  EXPECT_EQ(web.requests(), 0);
}

TEST_F(HttpWorkerTest, LargeHeadIs431AlsoWhenMoreFollows) {
  const std::string answer = Answer(
      absl::StrCat("GET / HTTP/1.1\r\nHost: a\r\nX: ", std::string(200'000, 'x'), "\r\n\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpWorkerTest, MalformedChunkIs400) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_THAT(Answer("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(web.requests(), 0);
}

TEST_F(HttpWorkerTest, PlainServiceRedirectsToHttps) {
  auto client = ConnectTo(redirect());
  for (int i = 0; i < 3; ++i) {
    client->Send("GET /path?q=1 HTTP/1.1\r\nHost: koi.example:8080\r\n\r\n");
    const TestPeer::Message response = client->ReadMessage();
    EXPECT_THAT(response.head, StartsWith("HTTP/1.1 301 Moved Permanently\r\n"));
    EXPECT_THAT(response.head, HasSubstr("Location: https://koi.example/path?q=1\r\n"));
  }
  client->Send("POST / HTTP/1.1\r\nHost: koi.example\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(client->ReadMessage().head, StartsWith("HTTP/1.1 308 Permanent Redirect\r\n"));
  EXPECT_TRUE(client->AtEnd());
}

TEST_F(HttpWorkerTest, ConnectionIsClosedWhereTheClientAsksForIt) {
  TestBackend web(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client->ReadMessage().head, HasSubstr("Connection: close\r\n"));
  bool reset = true;
  EXPECT_EQ(client->ReadToEnd(&reset), "");
  EXPECT_FALSE(reset);
}

TEST_F(HttpWorkerTest, ClientThatEndsItsSideStillGetsItsResponse) {
  TestBackend web(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send(kGet);
  client->EndWriting();
  EXPECT_EQ(client->ReadMessage().body, "web-1\n");
  EXPECT_TRUE(client->AtEnd());
}

TEST_F(HttpWorkerTest, ClientThatLeavesFreesItsBackend) {
  std::atomic<bool> ended = false;
  TestBackend web([&](TestPeer& client, TestBackend& backend) {
    (void)client.ReadMessage();
    backend.CountRequest();
    (void)client.ReadToEnd();  // and never answers
    ended = true;
  });
  const BackendEntry backend = worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send(kGet);
  ASSERT_TRUE(Eventually(kSoon, [&] { return web.requests() == 1; }));
  EXPECT_EQ(worker_.Figures(backend).connections, 1u);
  client->Reset();
  EXPECT_TRUE(Eventually(kSoon, [&] { return ended.load(); }));
  EXPECT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 0; }));
  EXPECT_EQ(worker_.Figures(backend).connections, 0u);
}

TEST_F(HttpWorkerTest, SlowReaderHoldsNoMoreThanItsBuffers) {
  constexpr size_t kBytes = 64 << 20;
  TestBackend web([](TestPeer& client, TestBackend&) {
    (void)client.ReadMessage();
    client.Send(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", kBytes, "\r\n\r\n"));
    const std::string block(1 << 20, 'x');
    for (size_t sent = 0; sent < kBytes && client.Send(block); sent += block.size()) {
    }
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  const size_t before = worker_.MemoryBytes();
  auto client = ConnectToTls(https());
  client->Send(kGet);
  // It reads nothing until the worker has stopped: everything between is full.
  uint64_t moved = 0;
  ASSERT_TRUE(Eventually(kSoon, [&] {
    return std::exchange(moved, worker_.Figures().bytes_out) == moved && moved > 0;
  }));
  EXPECT_LT(worker_.MemoryBytes(), before + (4 << 20));
  EXPECT_EQ(client->ReadMessage().body.size(), kBytes);
}

TEST_F(HttpWorkerTest, LargeBodiesGoBothWaysAtOnce) {
  TestBackend web([](TestPeer& client, TestBackend&) {
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) head += client.Read(1);
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n");
    for (int i = 0; i < 64; ++i) client.Send(client.Read(16384));
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  std::string body(1 << 20, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 251);
  auto client = ConnectToTls(https());
  client->Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
  client->Send(body);
  EXPECT_EQ(client->ReadMessage().body, body);
}

TEST_F(HttpWorkerTest, FiguresAreCounted) {
  TestBackend web(TestBackend::Says("web-1"));
  const BackendEntry backend = worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send(kGet);
  const TestPeer::Message response = client->ReadMessage();
  // Counted after it was written, so perhaps after it was read.
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().bytes_out > 0; }));
  const WorkerFigures whole = worker_.Figures();
  EXPECT_EQ(whole.requests, 1u);
  EXPECT_EQ(whole.connections, 1u);
  EXPECT_EQ(whole.bytes_in, sizeof(kGet) - 1);
  EXPECT_EQ(whole.bytes_out, response.head.size() + response.body.size());
  const WorkerFigures at_backend = worker_.Figures(backend);
  EXPECT_EQ(at_backend.requests, 1u);
  EXPECT_EQ(at_backend.connections, 0u);  // idle now
  EXPECT_EQ(at_backend.connections_total, 1u);
}

TEST_F(HttpWorkerTest, NoiseInsteadOfTlsIsCountedAndClosed) {
  auto client = ConnectTo(https());
  client->Send(kGet);
  (void)client->ReadToEnd();
  EXPECT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().handshake_failures == 1; }));
}

TEST_F(HttpWorkerTest, EndpointOfNoServiceIsClosed) {
  auto client = ConnectTo(worker_.At(99));
  EXPECT_TRUE(client->AtEnd());
  EXPECT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 0; }));
}

}  // namespace
}  // namespace koi
