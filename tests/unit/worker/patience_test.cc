// SPDX-License-Identifier: Apache-2.0
// The long waits: a minute for a backend, a minute for a client, half a minute for an idle
// connection. All in one test, since they take their time together.
#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using PatienceTest = WorkerTest;

TEST_F(PatienceTest, NobodyIsWaitedForForEver) {
  constexpr std::chrono::seconds kLongest(100);
  std::atomic<bool> idle_backend_ended = false;
  TestBackend web([&](TestPeer& client, TestBackend& backend) {
    client.WaitUpTo(kLongest);
    for (;;) {
      const std::string head = client.ReadMessage().head;
      if (head.empty()) break;
      backend.CountRequest();
      if (head.rfind("GET /half", 0) == 0) {
        client.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      } else if (head.rfind("GET /never", 0) != 0) {
        client.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
    }
    idle_backend_ended = true;
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto idle = ConnectTo(http());
  idle->Send(kGet);
  ASSERT_EQ(idle->ReadMessage().body, "ok");
  EXPECT_TRUE(Eventually(std::chrono::seconds(50), [&] { return idle_backend_ended.load(); }));

  auto unanswered = ConnectTo(http());
  unanswered->Send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
  auto half = ConnectTo(http());
  half->Send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n");
  auto no_body = ConnectTo(http());
  no_body->Send("POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  for (TestPeer* peer : {idle.get(), unanswered.get(), half.get(), no_body.get()}) {
    peer->WaitUpTo(kLongest);
  }
  EXPECT_THAT(unanswered->ReadMessage().head, StartsWith("HTTP/1.1 504 "));
  EXPECT_FALSE(half->ReadMessage().whole);
  EXPECT_THAT(no_body->ReadMessage().head, StartsWith("HTTP/1.1 408 "));
  EXPECT_TRUE(idle->AtEnd());
  no_body->Close();
  idle->Close();
  unanswered->Close();
  worker_.Drain(std::chrono::seconds(10));
  ASSERT_EQ(worker_.Ended(kSoon), 0);
  EXPECT_THAT(worker_.Log(), HasSubstr("backend-timed-out=1"));
}

}  // namespace
}  // namespace koi
