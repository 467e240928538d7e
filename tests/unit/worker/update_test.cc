// SPDX-License-Identifier: Apache-2.0
// Services replaced while a worker runs.
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <csignal>

#include "absl/strings/str_cat.h"
#include "net/channel.h"
#include "protocol/keeper_messages.h"
#include "support/tls/bundled.h"
#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kLast[] = "Connection: close\r\n";

std::string WhyNot(const WorkerMessage& message) {
  const auto* failed = std::get_if<WorkerFailed>(&message);
  return failed == nullptr ? "" : failed->why;
}

// The common name of the certificate that the other end has shown.
std::string NameShown(TestPeer& client) {
  X509* certificate = ::SSL_get1_peer_certificate(client.ssl());
  if (certificate == nullptr) return "";
  char name[64] = "";
  ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof(name));
  ::X509_free(certificate);
  return name;
}

WorkerService Secure(const std::string& name, const Endpoint& endpoint,
                     const MadeCertificate& certificate) {
  WorkerService service = ServiceOn(name, {endpoint});
  service.tls = TlsMode::kTerminate;
  service.certificates = Bundled({certificate});
  return service;
}

class WorkerUpdateTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kWebPool = 0;
  static constexpr uint32_t kOtherPool = 1;

  void SetUp() override { ASSERT_EQ(WhyNot(worker_.Start({ServiceOn("web", {web()})})), ""); }

  Endpoint web() const { return worker_.At(1); }
  Endpoint other() const { return worker_.At(2); }

  WorkerProcess worker_;
};

TEST_F(WorkerUpdateTest, NewServiceIsServedAndOneThatIsGoneIsNot) {
  TestBackend backend(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", backend.endpoint());
  ASSERT_EQ(WhyNot(worker_.Start({ServiceOn("other", {other()})})), "");
  auto client = ConnectTo(other());
  client->Send(kGet);
  EXPECT_EQ(client->ReadMessage().body, "web-1\n");
  EXPECT_TRUE(ConnectTo(web())->AtEnd());
}

TEST_F(WorkerUpdateTest, KeptConnectionTakesTheServiceAsItIsAtItsNextRequest) {
  TestBackend one(TestBackend::Says("web-1"));
  TestBackend two(TestBackend::Says("other-1"));
  worker_.AddBackend(kWebPool, "web-1", one.endpoint());
  worker_.AddBackend(kOtherPool, "other-1", two.endpoint());
  auto client = ConnectTo(web());
  client->Send(kGet);
  ASSERT_EQ(client->ReadMessage().body, "web-1\n");

  WorkerService changed = ServiceOn("web", {web()});
  changed.pool = kOtherPool;
  ASSERT_EQ(WhyNot(worker_.Start({changed})), "");

  client->Send(kGet);
  const TestPeer::Message answer = client->ReadMessage();
  EXPECT_EQ(answer.body, "other-1\n");
  EXPECT_THAT(answer.head, Not(HasSubstr(kLast)));
}

TEST_F(WorkerUpdateTest, ResponseOfAServiceThatIsGoneIsTheLastOfItsConnection) {
  std::atomic<bool> go_on = false;
  TestBackend backend([&](TestPeer& client, TestBackend& self) {
    (void)client.ReadMessage();
    self.CountRequest();
    Eventually(kSoon, [&] { return go_on.load(); });
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
  });
  worker_.AddBackend(kWebPool, "web-1", backend.endpoint());
  auto client = ConnectTo(web());
  client->Send(kGet);
  ASSERT_TRUE(Eventually(kSoon, [&] { return backend.requests() == 1; }));

  ASSERT_EQ(WhyNot(worker_.Start({})), "");
  go_on = true;

  const TestPeer::Message answer = client->ReadMessage();
  EXPECT_EQ(answer.body, "last");
  EXPECT_THAT(answer.head, HasSubstr(kLast));
  EXPECT_TRUE(client->AtEnd());
}

TEST_F(WorkerUpdateTest, KeptConnectionOfAServiceThatIsGoneEnds) {
  TestBackend backend(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", backend.endpoint());
  auto client = ConnectTo(web());
  client->Send(kGet);
  ASSERT_TRUE(client->ReadMessage().whole);
  ASSERT_EQ(WhyNot(worker_.Start({})), "");
  bool reset = true;
  EXPECT_EQ(client->ReadToEnd(&reset), "");
  EXPECT_FALSE(reset);
}

TEST_F(WorkerUpdateTest, FirstRequestToAServiceThatIsGoneIsAnswered) {
  auto client = ConnectTo(web());
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 1; }));
  ASSERT_EQ(WhyNot(worker_.Start({})), "");
  client->Send(kGet);
  const TestPeer::Message answer = client->ReadMessage();
  EXPECT_THAT(answer.head, HasSubstr("HTTP/1.1 503 "));
  EXPECT_THAT(answer.head, HasSubstr(kLast));
}

TEST_F(WorkerUpdateTest, TunnelOfAServiceThatIsGoneRunsOn) {
  WorkerService raw = ServiceOn("raw", {web()});
  raw.mode = ServiceMode::kTcp;
  ASSERT_EQ(WhyNot(worker_.Start({raw})), "");
  TestBackend backend([](TestPeer& client, TestBackend&) { client.Send(client.ReadToEnd()); });
  worker_.AddBackend(kWebPool, "raw-1", backend.endpoint());
  auto client = ConnectTo(web());
  client->Send("before ");
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().requests == 1; }));
  ASSERT_EQ(WhyNot(worker_.Start({})), "");
  client->Send("and after");
  client->EndWriting();
  EXPECT_EQ(client->ReadToEnd(), "before and after");
}

TEST_F(WorkerUpdateTest, TunnelIsCutWhenTheDrainTimeOfItsServiceIsOver) {
  WorkerService going = ServiceOn("going", {web()});
  going.mode = ServiceMode::kTcp;
  going.timeouts.drain = std::chrono::milliseconds(200);
  going.access_log = true;
  WorkerService staying = going;
  staying.name = "staying";
  staying.listen = {other()};
  ASSERT_EQ(WhyNot(worker_.Start({going, staying})), "");
  std::atomic<int> reset_backends = 0;
  TestBackend backend([&](TestPeer& client, TestBackend&) {
    bool reset = false;
    (void)client.ReadToEnd(&reset);
    if (reset) ++reset_backends;
  });
  worker_.AddBackend(kWebPool, "raw-1", backend.endpoint());
  auto first = ConnectTo(web());
  auto second = ConnectTo(other());
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().requests == 2; }));
  std::vector<std::string> lines;
  const auto expect_cut = [&](TestPeer& client, int so_far) {
    bool reset = false;
    EXPECT_EQ(client.ReadToEnd(&reset), "");
    EXPECT_TRUE(reset) << "not an end that could be taken for one";
    EXPECT_TRUE(Eventually(kSoon, [&] { return reset_backends == so_far; }));
    EXPECT_TRUE(Eventually(kSoon, [&] {
      lines = worker_.AccessLines();
      return !lines.empty();
    }));
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines[0], HasSubstr("\"reason\":\"cut\""));
  };

  ASSERT_EQ(WhyNot(worker_.Start({staying})), "");
  expect_cut(*first, 1);
  EXPECT_THAT(lines[0], HasSubstr("\"service\":\"going\""));
  EXPECT_EQ(worker_.Figures().cut, 0U) << "of the worker's own end";
  EXPECT_EQ(worker_.Figures().connections, 1U);

  worker_.Drain(std::chrono::minutes(1));
  expect_cut(*second, 2);
  EXPECT_EQ(worker_.Ended(kSoon), 0);
  EXPECT_EQ(worker_.Figures().cut, 1U);
  EXPECT_THAT(worker_.Log(), HasSubstr("ended=\"cut=2\""));
}

TEST_F(WorkerUpdateTest, TunnelOfAServiceThatIsBackInTimeRunsOn) {
  WorkerService raw = ServiceOn("raw", {web()});
  raw.mode = ServiceMode::kTcp;
  raw.timeouts.drain = std::chrono::milliseconds(500);
  ASSERT_EQ(WhyNot(worker_.Start({raw})), "");
  TestBackend backend([](TestPeer& client, TestBackend&) { client.Send(client.ReadToEnd()); });
  worker_.AddBackend(kWebPool, "raw-1", backend.endpoint());
  auto client = ConnectTo(web());
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().requests == 1; }));
  const TimePoint gone = Now();
  ASSERT_EQ(WhyNot(worker_.Start({})), "");
  ASSERT_EQ(WhyNot(worker_.Start({raw})), "");
  ASSERT_TRUE(Eventually(kSoon, [&] { return Now() > gone + std::chrono::milliseconds(700); }));
  client->Send("runs on");
  client->EndWriting();
  EXPECT_EQ(client->ReadToEnd(), "runs on");
}

// The sandbox is closed by then: nothing that OpenSSL does for it may need a file.
TEST_F(WorkerUpdateTest, FirstCertificateMayComeWhileTheWorkerRuns) {
  TestBackend backend(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", backend.endpoint());
  for (const auto& made : {MakeCertificate("koi.example"), MakeRsaCertificate("koi.example")}) {
    ASSERT_EQ(WhyNot(worker_.Start({Secure("other", other(), made)})), "");
    auto client = ConnectToTls(other());
    ASSERT_NE(client, nullptr);
    client->Send(kGet);
    EXPECT_EQ(client->ReadMessage().body, "web-1\n");
  }
}

TEST_F(WorkerUpdateTest, NewHandshakesShowTheNewCertificateAndOldConnectionsGoOn) {
  TestBackend backend(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", backend.endpoint());
  ASSERT_EQ(WhyNot(worker_.Start({Secure("web", web(), MakeCertificate("one.example"))})), "");
  auto before = ConnectToTls(web());
  EXPECT_EQ(NameShown(*before), "one.example");

  ASSERT_EQ(WhyNot(worker_.Start({Secure("web", web(), MakeCertificate("two.example"))})), "");

  EXPECT_EQ(NameShown(*ConnectToTls(web())), "two.example");
  before->Send(kGet);
  EXPECT_EQ(before->ReadMessage().body, "web-1\n");
}

TEST_F(WorkerUpdateTest, ServiceThatHasNotChangedKeepsItsTicketsGood) {
  const WorkerService secure = Secure("web", web(), MakeCertificate("koi.example"));
  TestBackend backend(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", backend.endpoint());
  ASSERT_EQ(WhyNot(worker_.Start({secure})), "");
  auto first = ConnectToTls(web());
  first->Send(kGet);
  ASSERT_TRUE(first->ReadMessage().whole);
  SSL_SESSION* session = ::SSL_get1_session(first->ssl());

  ASSERT_EQ(WhyNot(worker_.Start({secure, ServiceOn("other", {other()})})), "");

  auto second = ConnectTo(web());
  ASSERT_TRUE(second->StartTls("koi.example", session));
  EXPECT_EQ(::SSL_session_reused(second->ssl()), 1);
  ::SSL_SESSION_free(session);
}

TEST_F(WorkerUpdateTest, ServicesThatCannotBeUsedChangeNothing) {
  TestBackend backend(TestBackend::Says("web-1"));
  worker_.AddBackend(kWebPool, "web-1", backend.endpoint());
  WorkerService bad = Secure("other", other(), MakeCertificate("koi.example"));
  bad.certificates =
      Bundled({{MakeCertificate("koi.example").chain_pem, MakeCertificate("koi.example").key_pem}});
  const WorkerMessage answer = worker_.Start({bad});
  EXPECT_THAT(WhyNot(answer), HasSubstr("private key mismatch"));
  EXPECT_TRUE(std::get<WorkerFailed>(answer).serving);
  EXPECT_EQ(std::get<WorkerFailed>(answer).revision, 2u);

  auto client = ConnectTo(web());
  client->Send(kGet);
  EXPECT_EQ(client->ReadMessage().body, "web-1\n");
  const WorkerMessage asked = worker_.Ask();
  EXPECT_EQ(std::get<WorkerReady>(asked).revision, 1u) << "of what it has";
}

TEST_F(WorkerUpdateTest, PoolThatIsToldTwiceChangesNothing) {
  const WorkerPool pool = {.number = kWebPool, .name = "web"};
  EXPECT_THAT(WhyNot(worker_.Start({ServiceOn("other", {other()})}, {pool, pool})),
              HasSubstr("pool web was told twice"));
  EXPECT_EQ(std::get<WorkerReady>(worker_.Ask()).revision, 1u);
  EXPECT_EQ(WhyNot(worker_.Start({ServiceOn("other", {other()})}, {pool})), "");
}

TEST_F(WorkerUpdateTest, ChangeThatWasBrokenOffLeavesNothing) {
  worker_.Send(WorkerWelcome{.revision = 7});
  worker_.Send(ServiceOn("other", {other()}));  // and that manager dies
  ASSERT_EQ(WhyNot(worker_.Start({ServiceOn("other", {web()})})), "");
  EXPECT_TRUE(ConnectTo(other())->AtEnd());
}

}  // namespace
}  // namespace koi
