// SPDX-License-Identifier: Apache-2.0
// Every way a client's connection ends is counted under its own name.
#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class CloseReasonTest : public WorkerTest {
 protected:
  // Waits until nothing is open but `open` connections.
  void Settle(uint64_t open = 0) {
    ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == open; }));
  }
  // What the worker says of its connections once it has drained.
  std::string Reasons() {
    worker_.Drain(std::chrono::minutes(1));
    EXPECT_EQ(worker_.Ended(kSoon), 0);
    return worker_.Log();
  }
};

TEST_F(CloseReasonTest, EndsOfClientsAreTold) {
  const char last[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  auto finished = ConnectTo(redirect());
  finished->Send(last);
  EXPECT_THAT(finished->ReadToEnd(), StartsWith("HTTP/1.1 301"));
  finished->Close();
  ConnectTo(http())->Close();
  auto broken = ConnectTo(http());
  broken->Send("GET / HT");
  broken->Close();
  auto no_tls = ConnectTo(https());
  no_tls->Send(last);
  (void)no_tls->ReadToEnd();
  EXPECT_THAT(Answer("GET\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Answer(last), StartsWith("HTTP/1.1 503"));
  EXPECT_TRUE(ConnectTo(worker_.At(99))->AtEnd());
  Settle();
  auto idle = ConnectTo(redirect());
  idle->Send(kGet);
  ASSERT_TRUE(idle->ReadMessage().whole);
  worker_.Drain(std::chrono::minutes(1));
  EXPECT_TRUE(idle->AtEnd());
  idle->Close();
  ASSERT_EQ(worker_.Ended(kSoon), 0);
  EXPECT_THAT(worker_.Log(), HasSubstr("ended=\"finished=1 client-left=1 client-broke-off=1 "
                                       "handshake-failed=1 malformed-request=1 no-backend=1 "
                                       "no-service=1 drained=1\""));
}

TEST_F(CloseReasonTest, BackendThatBreaksOffIsTold) {
  TestBackend web([](TestPeer& client, TestBackend&) {
    (void)client.ReadMessage();
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_FALSE(Get(http()).whole);
  Settle();
  EXPECT_THAT(Reasons(), HasSubstr("ended=\"backend-broke-off=1\""));
}

}  // namespace
}  // namespace koi
