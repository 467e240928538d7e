// SPDX-License-Identifier: Apache-2.0
// TLS in whole workers: tickets that several take, clients' certificates, names.
#include <openssl/ssl.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "support/tls/bundled.h"
#include "support/tls/made_authority.h"
#include "tls/ticket_keys.h"
#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kForged[] =
    "GET / HTTP/1.1\r\nHost: a\r\nX-Client-Cert-Subject: CN=root\r\nx-client-cert-chain: 1\r\n\r\n";

class WorkerTlsTest : public ::testing::Test {
 protected:
  WorkerService Secure(WorkerProcess& worker) {
    WorkerService service = ServiceOn("web", {worker.At(1)});
    service.tls = TlsMode::kTerminate;
    service.certificates = Bundled({authority_.Issue({.names = {"koi.example"}}),
                                    authority_.Issue({.names = {"other.example"}})});
    service.ticket_lifetime = std::chrono::hours(1);
    return service;
  }
  void Start(WorkerProcess& worker, const WorkerService& service) {
    const WorkerMessage answer = worker.Start({service});
    const auto* failed = std::get_if<WorkerFailed>(&answer);
    ASSERT_EQ(failed, nullptr) << failed->why;
    worker.AddBackend(0, "web-1", backend_.endpoint());
  }
  static WorkerTicketKeys KeysAt(int64_t now_s) {
    const auto ring = TicketKeyring::Shared("what both hosts know", std::chrono::hours(1), now_s);
    return {.keys = absl::BytesToHexString(EncodeTicketKeys(ring.keys()))};
  }

  const MadeAuthority authority_{"koi test authority"};
  TestBackend backend_{TestBackend::Echoes()};
};

TEST_F(WorkerTlsTest, TicketOfOneWorkerIsTakenByAnother) {
  WorkerProcess one;
  WorkerProcess other;
  one.Send(KeysAt(7200));
  other.Send(KeysAt(7200 + 3600));  // it has heard of a change already
  Start(one, Secure(one));
  Start(other, Secure(other));
  auto first = ConnectToTls(one.At(1));
  first->Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(first->ReadMessage().whole);
  SSL_SESSION* session = ::SSL_get1_session(first->ssl());

  auto second = ConnectTo(other.At(1));
  ASSERT_TRUE(second->StartTls("koi.example", session));
  EXPECT_EQ(::SSL_session_reused(second->ssl()), 1);

  other.Send(KeysAt(7200 + 100 * 3600));
  (void)other.Ask();
  auto third = ConnectTo(other.At(1));
  ASSERT_TRUE(third->StartTls("koi.example", session));
  EXPECT_EQ(::SSL_session_reused(third->ssl()), 0);
  ::SSL_SESSION_free(session);
}

TEST_F(WorkerTlsTest, BackendsAreToldWhoTheClientHasProvenToBe) {
  WorkerProcess worker;
  WorkerService service = Secure(worker);
  service.tls_options.client_certificates = ClientCertificates::kOptional;
  service.client_ca_pem = authority_.pem();
  Start(worker, service);
  const MadeCertificate anna = authority_.Issue({.names = {"anna"}});
  auto known = ConnectTo(worker.At(1));
  ASSERT_TRUE(known->StartTls("koi.example", nullptr, &anna));
  known->Send(kForged);
  const std::string head = known->ReadMessage().body;
  EXPECT_THAT(head, HasSubstr("X-Client-Cert-Subject: CN=anna\r\nX-Client-Cert-Fingerprint: "));
  EXPECT_THAT(head, Not(HasSubstr("root")));
  EXPECT_THAT(head, Not(HasSubstr("x-client-cert-chain")));

  auto unknown = ConnectTo(worker.At(1));
  ASSERT_TRUE(unknown->StartTls("koi.example"));
  unknown->Send(kForged);
  EXPECT_THAT(absl::AsciiStrToLower(unknown->ReadMessage().body), Not(HasSubstr("x-client-cert")));
}

TEST_F(WorkerTlsTest, WhoIsTurnedAwayIsToldApart) {
  WorkerProcess worker;
  WorkerService service = Secure(worker);
  service.tls_options.strict_sni = true;
  service.tls_options.client_certificates = ClientCertificates::kRequired;
  service.client_ca_pem = authority_.pem();
  Start(worker, service);
  EXPECT_FALSE(ConnectTo(worker.At(1))->StartTls("stranger.example"));
  const MadeCertificate stranger = MakeCertificate("stranger");
  for (const MadeCertificate* shown : {static_cast<const MadeCertificate*>(nullptr), &stranger}) {
    auto client = ConnectTo(worker.At(1));
    (void)client->StartTls("other.example", nullptr, shown);  // done for the client, in TLS 1.3
    EXPECT_THAT(client->ReadToEnd(), IsEmpty());
  }
  EXPECT_TRUE(Eventually(kSoon, [&] { return worker.Figures().connections == 0; }));
  worker.Drain(std::chrono::minutes(1));
  ASSERT_EQ(worker.Ended(kSoon), 0);
  EXPECT_THAT(worker.Log(), HasSubstr("certificate-refused=2 unrecognized-name=1"));
}

}  // namespace
}  // namespace koi
