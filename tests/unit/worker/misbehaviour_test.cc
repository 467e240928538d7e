// SPDX-License-Identifier: Apache-2.0
// Backends that break the rules: what the client gets, what is counted and logged, and that nobody
// else notices.
#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/strings/match.h"
#include "net/socket.h"
#include "unit/worker/access_log_fixture.h"

namespace koi {
namespace {

using std::chrono::milliseconds;

class MisbehaviourTest : public AccessLogTest {
 protected:
  void SetUp() override {
    timeouts_ = {.connect = milliseconds(300), .response = milliseconds(700)};
    AccessLogTest::SetUp();
    worker_.AddBackend(kNewPool, "good", good_.endpoint());
  }
  // A backend of another pool is served as ever.
  void ExpectOthersUnaffected() {
    auto client = ConnectTo(welcome());
    client->Send(kGet);
    EXPECT_EQ(client->ReadMessage().body, "good\n");
    EXPECT_EQ(Line()["reason"], "finished");
  }

  TestBackend good_{TestBackend::Says("good")};
};

struct Misbehaviour {
  const char* what;
  const char* answer;  // all that the backend sends before it closes
  int status;          // that the log has
  const char* reason;
  bool whole;  // the client gets a whole response
};

constexpr Misbehaviour kMisbehaviours[] = {
    {"closes at once", "", 502, "backend-broke-off", true},
    {"dies inside a head", "HTTP/1.1 200 OK\r\nContent-Le", 502, "backend-broke-off", true},
    {"sends garbage",
     "\x7f"
     "ELF\x02\x01\x01 and more\r\n\r\n",
     502, "backend-malformed", true},
    {"switches unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 502,
     "backend-malformed", true},
    {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502,
     "backend-malformed", true},
    {"dies inside a body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 200,
     "backend-broke-off", false},
    {"dies inside a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 200,
     "backend-broke-off", false},
    {"sends a broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 200,
     "backend-malformed", false},
    {"sends more than it said", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwholeHTTP/1.1 200",
     200, "finished", true},
};

TEST_F(MisbehaviourTest, EachIsAnsweredCountedAndNamed) {
  std::atomic<size_t> now = 0;
  std::atomic<int> connections = 0;
  TestBackend web([&](TestPeer& client, TestBackend&) {
    ++connections;
    if (!client.ReadMessage().head.empty()) client.Send(kMisbehaviours[now].answer);
  });
  const BackendEntry backend = worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  uint64_t errors = 0;
  for (; now < std::size(kMisbehaviours); ++now) {
    const Misbehaviour& misbehaviour = kMisbehaviours[now];
    SCOPED_TRACE(misbehaviour.what);
    const TestPeer::Message answer = Get(http());
    EXPECT_EQ(answer.whole, misbehaviour.whole);
    if (answer.whole) {
      const std::string status = "HTTP/1.1 " + std::to_string(misbehaviour.status);
      EXPECT_TRUE(absl::StartsWith(answer.head, status)) << answer.head;
    }
    const Json line = Line();
    EXPECT_EQ(line["status"], misbehaviour.status);
    EXPECT_EQ(line["reason"], misbehaviour.reason);
    EXPECT_EQ(line["backend"], "web-1");
    if (line["reason"] != "finished") ++errors;
    EXPECT_EQ(worker_.Figures(backend).errors, errors);
    ExpectOthersUnaffected();
  }
  // None of them was used again.
  EXPECT_EQ(connections, static_cast<int>(std::size(kMisbehaviours)));
}

TEST_F(MisbehaviourTest, HeadBeyondTheLimitIsRefused) {
  TestBackend web([&](TestPeer& client, TestBackend&) {
    (void)client.ReadMessage();
    client.Send("HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n");
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_TRUE(absl::StartsWith(Get(http()).head, "HTTP/1.1 502 "));
  EXPECT_EQ(Line()["reason"], "backend-malformed");
  ExpectOthersUnaffected();
}

TEST_F(MisbehaviourTest, OneThatIsSilentIsNotWaitedForForEver) {
  TestBackend web([&](TestPeer& client, TestBackend&) { (void)client.ReadToEnd(); });
  const BackendEntry backend = worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_TRUE(absl::StartsWith(Get(http()).head, "HTTP/1.1 504 "));
  const Json line = Line();
  EXPECT_EQ(line["reason"], "backend-timed-out");
  EXPECT_GE(line["total_ms"], 700.0);
  EXPECT_EQ(worker_.Figures(backend).errors, 1u);
  ExpectOthersUnaffected();
}

TEST_F(MisbehaviourTest, OneThatRefusesIsFollowedByTheNext) {
  TestBackend gone([](TestPeer&, TestBackend&) {});
  gone.Stop();
  const BackendEntry refusing = worker_.AddBackend(kWebPool, "web-1", gone.endpoint());
  EXPECT_TRUE(absl::StartsWith(Get(http()).head, "HTTP/1.1 502 "));
  Json line = Line();
  EXPECT_EQ(line["reason"], "backend-refused");
  EXPECT_EQ(line["retries"], 1);
  TestBackend web(TestBackend::Says("web-2"));
  worker_.AddBackend(kWebPool, "web-2", web.endpoint());
  for (int i = 0; i < 2; ++i) {  // either may have the first turn
    EXPECT_EQ(Get(http()).body, "web-2\n");
    line = Line();
    EXPECT_EQ(line["backend"], "web-2");
    EXPECT_EQ(line["reason"], "finished");
  }
  EXPECT_GE(worker_.Figures(refusing).errors, 2u);
}

// Its host is there and takes no more connections: SYNs stay unanswered.
TEST_F(MisbehaviourTest, OneThatDoesNotAcceptIsUnreachable) {
  const Fd full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in any = {};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(full.get(), reinterpret_cast<sockaddr*>(&any), sizeof(any)), 0);
  ASSERT_EQ(::listen(full.get(), 0), 0);
  const Endpoint endpoint = LocalEndpoint(full.get()).value();
  std::vector<Fd> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(ConnectTcp(endpoint).value());
  worker_.AddBackend(kWebPool, "web-1", endpoint);
  EXPECT_TRUE(absl::StartsWith(Get(http()).head, "HTTP/1.1 504 "));
  EXPECT_EQ(Line()["reason"], "backend-unreachable");
  ExpectOthersUnaffected();
}

// Closed just as it is used again: the client never knows.
TEST_F(MisbehaviourTest, PooledConnectionThatClosesWhenItIsReusedIsReplaced) {
  std::atomic<int> connections = 0;
  TestBackend web([&](TestPeer& client, TestBackend&) {
    ++connections;
    (void)client.ReadMessage();
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    (void)client.ReadMessage();  // takes the next request, and dies of it
    if (connections > 1) client.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send(kGet);
  EXPECT_EQ(client->ReadMessage().body, "ok");
  EXPECT_EQ(Line()["backend_reused"], false);
  client->Send(kGet);
  EXPECT_EQ(client->ReadMessage().body, "ok");
  Json line = Line();
  EXPECT_EQ(line["retries"], 1);
  EXPECT_EQ(line["backend_reused"], false);
  EXPECT_EQ(connections, 2);
  // A request that must not be done twice is not sent twice.
  client->Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_EQ(client->ReadMessage().body, "ok");
  EXPECT_EQ(Line()["backend_reused"], true);
  client->Send(kGet);
  EXPECT_EQ(client->ReadMessage().body, "ok");
  (void)Line();
  connections = 0;
  client->Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_TRUE(absl::StartsWith(client->ReadMessage().head, "HTTP/1.1 502 "));
  line = Line();
  EXPECT_EQ(line["reason"], "backend-broke-off");
  EXPECT_EQ(line["retries"], 0);
}

class IdleTimeTest : public AccessLogTest {
 protected:
  void SetUp() override {
    timeouts_.idle = milliseconds(100);
    AccessLogTest::SetUp();
  }
};

TEST_F(IdleTimeTest, KeptConnectionIsClosedWhenItsPoolSaysSo) {
  std::atomic<bool> ended = false;
  TestBackend web([&](TestPeer& client, TestBackend& backend) {
    TestBackend::Says("web-1")(client, backend);
    ended = true;
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_EQ(Get(http()).body, "web-1\n");
  EXPECT_TRUE(Eventually(kSoon, [&] { return ended.load(); }));
}

class IdleConnectionsTest : public AccessLogTest {
 protected:
  void SetUp() override {
    limits_.idle_connections = 1;
    AccessLogTest::SetUp();
  }
};

TEST_F(IdleConnectionsTest, AsManyAreKeptAsTheirPoolSays) {
  std::atomic<int> asked = 0;
  std::atomic<int> ended = 0;
  TestBackend web([&](TestPeer& client, TestBackend&) {
    while (!client.ReadMessage().head.empty()) {
      ++asked;
      Eventually(kSoon, [&] { return asked >= 2; });  // both connections are in use at once
      client.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    ++ended;
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto one = ConnectTo(http());
  auto other = ConnectTo(http());
  one->Send(kGet);
  other->Send(kGet);
  EXPECT_EQ(one->ReadMessage().body, "ok");
  EXPECT_EQ(other->ReadMessage().body, "ok");
  EXPECT_TRUE(Eventually(kSoon, [&] { return ended == 1; })) << "one too many";
  one->Send(kGet);
  EXPECT_EQ(one->ReadMessage().body, "ok");
  for (const bool reused : {false, false, true}) EXPECT_EQ(Line()["backend_reused"], reused);
  EXPECT_EQ(web.connections(), 2);
  EXPECT_EQ(ended, 1);
}

}  // namespace
}  // namespace koi
