// SPDX-License-Identifier: Apache-2.0
// mode = "tcp": bytes and ends, both ways.
#include <openssl/ssl.h>

#include "absl/strings/str_cat.h"
#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using ::testing::Contains;
using ::testing::StartsWith;
using TcpWorkerTest = WorkerTest;

// Reads until the client ends its side, then answers with what it got.
void RepeatsAtTheEnd(TestPeer& client, TestBackend&) { client.Send(client.ReadToEnd()); }

TEST_F(TcpWorkerTest, HalfCloseIsPassedOnAndTheAnswerComesBack) {
  TestBackend raw(RepeatsAtTheEnd);
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  for (const bool secure : {false, true}) {
    SCOPED_TRACE(secure ? "tls" : "plain");
    auto client = secure ? ConnectToTls(tls()) : ConnectTo(tcp());
    client->Send("hello");
    client->EndWriting();
    bool reset = true;
    EXPECT_EQ(client->ReadToEnd(&reset), "hello");
    EXPECT_FALSE(reset);
  }
  EXPECT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 0; }));
}

TEST_F(TcpWorkerTest, BackendMayEndFirstAndReadOn) {
  std::string heard;
  std::atomic<bool> ended = false;
  TestBackend raw([&](TestPeer& client, TestBackend&) {
    client.Send("greeting");
    client.EndWriting();
    heard = client.ReadToEnd();
    ended = true;
  });
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  auto client = ConnectTo(tcp());
  EXPECT_EQ(client->ReadToEnd(), "greeting");
  client->Send("late");
  client->EndWriting();
  ASSERT_TRUE(Eventually(kSoon, [&] { return ended.load(); }));
  EXPECT_EQ(heard, "late");
}

TEST_F(TcpWorkerTest, BackendSpeaksFirst) {
  TestBackend raw([](TestPeer& client, TestBackend&) {
    client.Send("220 ready\r\n");
    (void)client.ReadToEnd();
  });
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  EXPECT_EQ(ConnectToTls(tls())->Read(11), "220 ready\r\n");
}

TEST_F(TcpWorkerTest, MegabytesGoBothWaysWhileNobodyReads) {
  constexpr size_t kBytes = 8 << 20;
  TestBackend raw(RepeatsAtTheEnd);
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  std::string body(kBytes, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 251);
  const size_t before = worker_.MemoryBytes();
  for (const bool secure : {false, true}) {
    SCOPED_TRACE(secure ? "tls" : "plain");
    auto client = secure ? ConnectToTls(tls()) : ConnectTo(tcp());
    client->Send(body);
    client->EndWriting();
    EXPECT_TRUE(client->ReadToEnd() == body);
    // Without TLS they never came into its memory.
    EXPECT_THAT(worker_.Descriptors(), Contains(StartsWith("pipe:")));
  }
  EXPECT_LT(worker_.MemoryBytes(), before + (4 << 20));
  EXPECT_EQ(worker_.Figures().bytes_in, 2 * kBytes);
  EXPECT_EQ(worker_.Figures().bytes_out, 2 * kBytes);
}

TEST_F(TcpWorkerTest, ResetOfTheBackendIsNoOrderlyEnd) {
  TestBackend raw([](TestPeer& client, TestBackend&) {
    (void)client.Read(1);
    client.Reset();
  });
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  for (const bool secure : {false, true}) {
    SCOPED_TRACE(secure ? "tls" : "plain");
    auto client = secure ? ConnectToTls(tls()) : ConnectTo(tcp());
    client->Send("x");
    bool reset = false;
    EXPECT_EQ(client->ReadToEnd(&reset), "");
    EXPECT_TRUE(reset);
  }
}

TEST_F(TcpWorkerTest, ClientThatBreaksOffEndsItsBackendsConnection) {
  std::atomic<bool> reset = false;
  TestBackend raw([&](TestPeer& client, TestBackend& backend) {
    (void)client.Read(1);
    backend.CountRequest();
    bool was_reset = false;
    (void)client.ReadToEnd(&was_reset);
    reset = was_reset;
  });
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  auto client = ConnectTo(tcp());
  client->Send("x");
  ASSERT_TRUE(Eventually(kSoon, [&] { return raw.requests() == 1; }));
  client->Reset();
  EXPECT_TRUE(Eventually(kSoon, [&] { return reset.load(); }));
}

TEST_F(TcpWorkerTest, NoBackendClosesTheConnection) {
  auto client = ConnectTo(tcp());
  EXPECT_TRUE(client->AtEnd());
  EXPECT_EQ(worker_.Figures().errors, 1u);
}

TEST_F(TcpWorkerTest, RefusingBackendIsFollowedByTheNext) {
  TestBackend gone(RepeatsAtTheEnd);
  TestBackend raw(RepeatsAtTheEnd);
  worker_.AddBackend(kRawPool, "gone", gone.endpoint());
  const BackendEntry second = worker_.AddBackend(kRawPool, "raw", raw.endpoint());
  gone.Stop();
  for (int i = 0; i < 4; ++i) {
    auto client = ConnectTo(tcp());
    client->Send("hello");
    client->EndWriting();
    EXPECT_EQ(client->ReadToEnd(), "hello");
  }
  EXPECT_EQ(worker_.Figures(second).requests, 4u);
}

}  // namespace
}  // namespace koi
