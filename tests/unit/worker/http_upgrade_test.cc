// SPDX-License-Identifier: Apache-2.0
// What goes beyond requests and responses: other protocols on the connection, and trailers.
#include <openssl/ssl.h>

#include "absl/strings/str_cat.h"
#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using HttpUpgradeTest = WorkerTest;

constexpr char kUpgrade[] =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
    "websocket\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr char kSwitched[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: x\r\n\r\n";

// Up to the end of a head, byte by byte: what follows is not read.
std::string ReadHead(TestPeer& peer) {
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    const std::string byte = peer.Read(1);
    if (byte.empty()) break;
    head += byte;
  }
  return head;
}

TEST_F(HttpUpgradeTest, BytesGoBothWaysAndEachSideMayEndFirst) {
  TestBackend web([](TestPeer& client, TestBackend&) {
    const std::string head = ReadHead(client);
    EXPECT_THAT(head, HasSubstr("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    client.Send(absl::StrCat(kSwitched, "hello"));  // in one piece
    const std::string early = client.Read(5);
    client.Send(absl::StrCat("<", early, ">"));
    const std::string rest = client.ReadToEnd();
    client.Send(absl::StrCat("bye ", rest));
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  for (const bool tls : {false, true}) {
    SCOPED_TRACE(tls);
    auto client = tls ? ConnectToTls(https()) : ConnectTo(http());
    client->Send(absl::StrCat(kUpgrade, "early"));  // in one piece, before the answer
    EXPECT_EQ(ReadHead(*client),
              "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: "
              "Upgrade\r\nUpgrade: websocket\r\n\r\n");
    EXPECT_EQ(client->Read(12), "hello<early>");
    client->Send("late");
    client->EndWriting();
    EXPECT_EQ(client->ReadToEnd(), "bye late");
  }
  EXPECT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 0; }));
}

TEST_F(HttpUpgradeTest, TunnelIsBoundedAndLosesNothing) {
  constexpr size_t kBytes = 32 << 20;
  TestBackend web([](TestPeer& client, TestBackend&) {
    (void)ReadHead(client);
    client.Send(kSwitched);
    client.Send(std::string(kBytes, 'x'));
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  const size_t before = worker_.MemoryBytes();
  auto client = ConnectToTls(https());
  client->Send(kUpgrade);
  uint64_t moved = 0;
  ASSERT_TRUE(Eventually(kSoon, [&] {
    return std::exchange(moved, worker_.Figures().bytes_out) == moved && moved > 0;
  }));
  EXPECT_LT(worker_.MemoryBytes(), before + (4 << 20));
  (void)ReadHead(*client);
  EXPECT_EQ(client->ReadToEnd().size(), kBytes);
}

TEST_F(HttpUpgradeTest, RefusalIsAnOrdinaryResponse) {
  TestBackend web(TestBackend::Says("no"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  for (int i = 0; i < 2; ++i) {
    client->Send(kUpgrade);
    EXPECT_EQ(client->ReadMessage().body, "no\n");
  }
  EXPECT_EQ(web.connections(), 1);
}

TEST_F(HttpUpgradeTest, AnotherProtocolThanWasAskedForIs502) {
  TestBackend web([](TestPeer& client, TestBackend&) {
    (void)ReadHead(client);
    client.Send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n");
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send(kUpgrade);
  EXPECT_THAT(client->ReadMessage().head, StartsWith("HTTP/1.1 502 "));
}

TEST_F(HttpUpgradeTest, OnlyWhatIsAnUpgradeGoesOnAsOne) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  for (const char* request :
       {"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: "
        "websocket\r\nContent-Length: 2\r\n\r\nhi",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo/1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
        "h2c\r\nHTTP2-Settings: x\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
        "websocket\r\n\r\n"}) {
    SCOPED_TRACE(request);
    client->Send(request);
    EXPECT_THAT(client->ReadMessage().body, Not(HasSubstr("pgrade")));
  }
}

TEST_F(HttpUpgradeTest, OtherProtocolsAreAskedForWhereTheServiceSaysSo) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  WorkerService service = ServiceOn("web", {http()});
  service.http.upgrade = Upgrades::kAny;
  ASSERT_TRUE(std::holds_alternative<WorkerReady>(worker_.Start({service})));
  auto client = ConnectTo(http());
  client->Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo/1\r\n\r\n");
  EXPECT_THAT(client->ReadMessage().body, HasSubstr("Upgrade: foo/1\r\n"));
  client->Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  EXPECT_THAT(client->ReadMessage().body, Not(HasSubstr("h2c")));
}

TEST_F(HttpUpgradeTest, TrailersGoBothWaysToWhomeverTakesThem) {
  std::string received;
  TestBackend web([&](TestPeer& client, TestBackend&) {
    for (;;) {
      std::string request = ReadHead(client);
      if (request.empty()) return;
      if (request.find("chunked") != std::string::npos) request += ReadHead(client);
      received = request;
      client.Send(
          "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
          "2\r\nhi\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a\r\n\r\n");
    }
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto client = ConnectTo(http());
  client->Send(
      "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2\r\nhi\r\n0\r\nX-Up: 1\r\nHost: b\r\n\r\n");
  EXPECT_THAT(ReadHead(*client), HasSubstr("Trailer: X-Sum\r\n"));
  EXPECT_EQ(ReadHead(*client), "2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n");
  EXPECT_THAT(received, HasSubstr("Connection: TE\r\nTE: trailers\r\n"));
  EXPECT_THAT(received, EndsWith("2\r\nhi\r\n0\r\nX-Up: 1\r\n\r\n"));

  client->Send(kGet);  // does not say that it takes trailers
  EXPECT_THAT(ReadHead(*client), Not(HasSubstr("Trailer")));
  EXPECT_EQ(ReadHead(*client), "2\r\nhi\r\n0\r\n\r\n");
  EXPECT_THAT(received, Not(HasSubstr("TE: ")));
  EXPECT_EQ(Answer("GET / HTTP/1.0\r\nTE: trailers\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi");
}

}  // namespace
}  // namespace koi
