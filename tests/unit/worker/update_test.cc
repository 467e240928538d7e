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
