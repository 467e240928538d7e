// SPDX-License-Identifier: Apache-2.0
// The worker as a process: how it starts, what it holds, how it ends.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "absl/strings/str_cat.h"
#include "protocol/keeper_messages.h"
#include "support/tls/bundled.h"
#include "unit/worker/worker_fixture.h"
#include "worker/sandbox.h"

namespace koi {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

using WorkerProcessTest = WorkerTest;

std::string WhyNot(const WorkerMessage& message) {
  const auto* failed = std::get_if<WorkerFailed>(&message);
  return failed == nullptr ? "" : failed->why;
}

TEST_F(WorkerProcessTest, HeartBeatsAndSaysWhoItIs) {
  EXPECT_EQ(worker_.Figures().pid, static_cast<uint32_t>(worker_.pid()));
  const TimePoint first = worker_.Figures().heartbeat;
  EXPECT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().heartbeat > first; }));
}

TEST_F(WorkerProcessTest, KeepsNoDescriptorOfATable) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: the descriptors of another user are hidden";
  EXPECT_THAT(worker_.Descriptors(),
              Each(Not(AnyOf(HasSubstr("memfd:backends"), HasSubstr("memfd:worker")))));
}

TEST_F(WorkerProcessTest, SecondStartIsAnsweredToo) {
  EXPECT_EQ(WhyNot(worker_.Start({})), "");
  EXPECT_FALSE(worker_.Ended(Duration::zero()).has_value());
}

TEST_F(WorkerProcessTest, EndOfTheChannelEndsIt) {
  worker_.CloseChannel();
  EXPECT_EQ(worker_.Ended(kSoon), kExitFailure);
}

TEST_F(WorkerProcessTest, IdleWorkerDrainsAtOnce) {
  worker_.Drain(std::chrono::minutes(1));
  EXPECT_EQ(worker_.Ended(kSoon), kExitOk);
}

TEST_F(WorkerProcessTest, DrainingWorkerAnswersWhatHasBegunAndClosesWhatIsIdle) {
  std::atomic<bool> go_on = false;
  TestBackend web([&](TestPeer& client, TestBackend& backend) {
    (void)client.ReadMessage();
    backend.CountRequest();
    Eventually(kSoon, [&] { return go_on.load(); });
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto idle = ConnectTo(redirect());
  idle->Send(kGet);
  ASSERT_TRUE(idle->ReadMessage().whole);
  auto busy = ConnectToTls(https());
  busy->Send(kGet);
  ASSERT_TRUE(Eventually(kSoon, [&] { return web.requests() == 1; }));

  worker_.Drain(std::chrono::minutes(1));

  EXPECT_TRUE(idle->AtEnd());
  go_on = true;
  const TestPeer::Message response = busy->ReadMessage();
  EXPECT_THAT(response.head, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(response.body, "last");
  EXPECT_TRUE(busy->AtEnd());
  busy->Close();
  idle->Close();
  EXPECT_EQ(worker_.Ended(kSoon), kExitOk);
}

TEST_F(WorkerProcessTest, WhatIsOpenAtTheDrainsLimitIsCutAndCounted) {
  std::atomic<bool> backend_was_reset = false;
  TestBackend raw([&](TestPeer& client, TestBackend&) {
    bool reset = false;
    (void)client.ReadToEnd(&reset);
    backend_was_reset = reset;
  });
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  auto client = ConnectTo(tcp());
  client->Send("x");
  auto no_request = ConnectTo(http());
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 2; }));
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().requests == 1; }));
  worker_.Drain(std::chrono::milliseconds(200));
  bool reset = false;
  (void)client->ReadToEnd(&reset);
  EXPECT_TRUE(reset) << "not an end that could be taken for one";
  EXPECT_TRUE(Eventually(kSoon, [&] { return backend_was_reset.load(); }));
  EXPECT_EQ(worker_.Ended(kSoon), kExitOk);
  EXPECT_EQ(worker_.Figures().cut, 2u);
  EXPECT_THAT(worker_.Log(), HasSubstr("drain limit is over: connections cut cut=2"));
  EXPECT_THAT(worker_.Log(), HasSubstr("ended=\"cut=2\""));
}

TEST_F(WorkerProcessTest, SecondOrderToDrainChangesNothing) {
  auto client = ConnectTo(http());
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 1; }));
  worker_.Drain(std::chrono::minutes(1));
  worker_.Drain(std::chrono::milliseconds(1));
  const WorkerMessage asked = worker_.Start({});
  EXPECT_TRUE(std::get<WorkerReady>(asked).draining);
  client->Send(kGet);
  EXPECT_THAT(client->ReadMessage().head, HasSubstr("Connection: close\r\n"))
      << "accepted before, so its first request is answered";
}

TEST_F(WorkerProcessTest, KeptConnectionInUseGetsALastResponseWhenItsWorkerDrains) {
  auto client = ConnectTo(redirect());
  client->Send(kGet);
  ASSERT_TRUE(client->ReadMessage().whole);
  worker_.Drain(std::chrono::minutes(1));
  ASSERT_TRUE(std::get<WorkerReady>(worker_.Ask()).draining);
  client->Send(kGet);
  const TestPeer::Message last = client->ReadMessage();
  EXPECT_TRUE(last.whole);
  EXPECT_THAT(last.head, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client->AtEnd());
}

TEST_F(WorkerProcessTest, TerminationIsAShortDrain) {
  TestBackend raw([](TestPeer& client, TestBackend&) { (void)client.ReadToEnd(); });
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  auto tunnel = ConnectTo(tcp());
  tunnel->Send("x");
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().requests == 1; }));
  worker_.Drain(std::chrono::minutes(1));
  ::kill(worker_.pid(), SIGTERM);
  EXPECT_EQ(worker_.Ended(kSoon), kExitOk);
  EXPECT_EQ(worker_.Figures().cut, 1u);
}

TEST_F(WorkerProcessTest, DrainingWorkerLeavesNewConnectionsToItsSuccessor) {
  TestBackend raw([](TestPeer& client, TestBackend&) { (void)client.ReadToEnd(); });
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  auto open = ConnectTo(tcp());
  open->Send("x");
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().requests == 1; }));
  worker_.Drain(std::chrono::minutes(1));
  const uint64_t accepted = worker_.Figures().accepted;
  const TimePoint beat = worker_.Figures().heartbeat;
  auto waiting = ConnectTo(http());  // the kernel takes it
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().heartbeat > beat; }));
  EXPECT_EQ(worker_.Figures().accepted, accepted);
}

TEST_F(WorkerProcessTest, HundredsOfConnectionsAtOnceAreServed) {
  TestBackend web(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  std::vector<std::unique_ptr<TestPeer>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(ConnectTo(http()));
    clients.back()->Send(kGet);
  }
  for (const auto& client : clients) ASSERT_EQ(client->ReadMessage().body, "web-1\n");
  EXPECT_EQ(worker_.Figures().connections, 200u);
  clients.clear();
  EXPECT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 0; }));
}

TEST(WorkerStartTest, CertificateThatCannotBeUsedIsSaidAndFatal) {
  WorkerProcess worker;
  WorkerService service = ServiceOn("web", {worker.At(1)});
  service.tls = TlsMode::kTerminate;
  service.certificates =
      Bundled({{MakeCertificate("koi.example").chain_pem, MakeCertificate("koi.example").key_pem}});
  const std::string why = WhyNot(worker.Start({service}));
  EXPECT_THAT(why, HasSubstr("certificate of service web"));
  EXPECT_THAT(why, HasSubstr("private key mismatch"));
  EXPECT_EQ(worker.Ended(kSoon), kExitFailure);
}

TEST(WorkerStartTest, TwoServicesOnOneEndpointAreRefused) {
  WorkerProcess worker;
  const WorkerService one = ServiceOn("one", {worker.At(1)});
  const WorkerService two = ServiceOn("two", {worker.At(1)});
  EXPECT_THAT(WhyNot(worker.Start({one, two})), HasSubstr("services one and two both listen on"));
}

TEST(WorkerStartTest, StartBeforeWelcomeIsRefused) {
  WorkerProcess worker;
  worker.Send(WorkerStart{});
  EXPECT_EQ(worker.Ended(kSoon), kExitFailure);
}

TEST(SandboxTest, RootIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(CheckUnprivileged().code(), absl::StatusCode::kFailedPrecondition);
}

// What `call` does to a process in the sandbox: its exit code, or -signal.
int InSandbox(void (*call)()) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (!EnterSandbox().ok()) ::_exit(100);
    call();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(SandboxTest, SocketsForBackendsAreAllowed) {
  EXPECT_EQ(InSandbox([] { (void)::socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0); }), 0);
}

TEST(SandboxTest, WhatAWorkerNeverDoesKillsIt) {
  EXPECT_EQ(InSandbox([] { (void)::open("/etc/passwd", O_RDONLY); }), -SIGSYS);
  EXPECT_EQ(InSandbox([] { (void)::socket(AF_UNIX, SOCK_STREAM, 0); }), -SIGSYS);
  EXPECT_EQ(InSandbox([] { (void)::socket(AF_INET, SOCK_DGRAM, 0); }), -SIGSYS);
  EXPECT_EQ(InSandbox([] { (void)::socket(AF_PACKET, SOCK_RAW, 0); }), -SIGSYS);
  EXPECT_EQ(InSandbox([] { (void)::execl("/bin/true", "true", nullptr); }), -SIGSYS);
  EXPECT_EQ(InSandbox([] { (void)::fork(); }), -SIGSYS);
  EXPECT_EQ(InSandbox([] { (void)::kill(::getppid(), 0); }), -SIGSYS);
}

}  // namespace
}  // namespace koi
