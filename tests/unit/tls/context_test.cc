// SPDX-License-Identifier: Apache-2.0
// Handshakes with contexts of several certificates, tickets and clients' certificates, in memory.
#include "tls/context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "config/tls_options.h"
#include "support/tls/bundled.h"
#include "support/tls/made_authority.h"
#include "tls/certificate_bundle.h"
#include "tls/certificate_store.h"
#include "tls/facts.h"
#include "tls/ticket_table.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct FreeTls {
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { ::SSL_SESSION_free(session); }
};
template <typename T>
using OwnedTls = std::unique_ptr<T, FreeTls>;

// What came of a handshake.
struct Outcome {
  bool done = false;
  TlsFacts server = {};
  std::string shown = {};  // common name of the server's certificate
  std::string kind = {};   // of its key
  size_t chain = 0;        // certificates that were sent
  std::string staple = {};
  std::string alert = {};  // that the client got
  std::shared_ptr<SSL_SESSION> session = nullptr;
};

class TlsContextTest : public ::testing::Test {
 protected:
  // A service as one worker has it.
  TlsContext Worker(const TlsSettings& settings, const CertificateSet& certificates,
                    std::shared_ptr<TicketTable> tickets) {
    const auto bundle = std::make_shared<const std::string>(EncodeBundle(certificates));
    auto store = CertificateStore::Open(*bundle, bundle);
    EXPECT_TRUE(store.ok()) << store.status();
    auto context = TlsContext::Create(settings, *std::move(store), std::move(tickets));
    EXPECT_TRUE(context.ok()) << context.status();
    return *std::move(context);
  }
  TlsContext Worker(const TlsSettings& settings = {}) { return Worker(settings, set_, tickets_); }

  // The client is `client_`; it asks for `name`, and offers `session` again.
  Outcome Shake(const TlsContext& context, const std::string& name,
                SSL_SESSION* session = nullptr) {
    const OwnedTls<SSL> server(::SSL_new(context.get()));
    const OwnedTls<SSL> client(::SSL_new(client_.get()));
    BIO* one = nullptr;
    BIO* other = nullptr;
    ::BIO_new_bio_pair(&one, 0, &other, 0);
    ::SSL_set_bio(server.get(), one, one);
    ::SSL_set_bio(client.get(), other, other);
    ::SSL_set_accept_state(server.get());
    ::SSL_set_connect_state(client.get());
    if (!name.empty()) ::SSL_set_tlsext_host_name(client.get(), name.c_str());
    ::SSL_set_tlsext_status_type(client.get(), TLSEXT_STATUSTYPE_ocsp);
    if (session != nullptr) ::SSL_set_session(client.get(), session);
    Outcome outcome;
    ::SSL_set_ex_data(client.get(), 0, &outcome);
    for (int turn = 0; turn < 10; ++turn) {
      const int theirs = ::SSL_do_handshake(client.get());
      const int ours = ::SSL_do_handshake(server.get());
      if (theirs == 1 && ours == 1) outcome.done = true;
    }
    char byte = 'x';
    if (outcome.done) (void)::SSL_write(server.get(), &byte, 1);
    (void)::SSL_read(client.get(), &byte, 1);  // also the ticket, or the alert of TLS 1.3
    Look(server.get(), client.get(), outcome);
    // Else OpenSSL takes the session for one that is broken.
    ::SSL_set_shutdown(client.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return outcome;
  }
  void Look(SSL* server, SSL* client, Outcome& outcome) {
    if (!outcome.done) return;
    outcome.server = FactsOf(server);
    const X509* shown = ::SSL_get0_peer_certificate(client);
    if (shown != nullptr) {
      char text[64] = "";
      ::X509_NAME_get_text_by_NID(::X509_get_subject_name(shown), NID_commonName, text,
                                  sizeof(text));
      outcome.shown = text;
      outcome.kind = ::EVP_PKEY_get0_type_name(::X509_get0_pubkey(shown));
    }
    const STACK_OF(X509)* chain = ::SSL_get_peer_cert_chain(client);
    outcome.chain = chain == nullptr ? 0 : static_cast<size_t>(sk_X509_num(chain));
    unsigned char* staple = nullptr;
    const long bytes = SSL_get_tlsext_status_ocsp_resp(client, &staple);
    if (bytes > 0) {
      outcome.staple.assign(reinterpret_cast<char*>(staple), static_cast<size_t>(bytes));
    }
    outcome.session.reset(::SSL_get1_session(client), FreeTls());
  }
  void SetUp() override {
    ::SSL_CTX_set_info_callback(client_.get(), [](const SSL* ssl, int where, int value) {
      if (where != SSL_CB_READ_ALERT) return;
      static_cast<Outcome*>(::SSL_get_ex_data(ssl, 0))->alert = ::SSL_alert_desc_string_long(value);
    });
  }
  void UseTls12() { ::SSL_CTX_set_max_proto_version(client_.get(), TLS1_2_VERSION); }
  // The client shows this from now on.
  void Show(const MadeCertificate& made) {
    const ParsedCertificate parsed = ParseCertificate(made.chain_pem, made.key_pem).value();
    ::SSL_CTX_use_certificate(client_.get(), parsed.chain[0].get());
    ::SSL_CTX_use_PrivateKey(client_.get(), parsed.key.get());
  }
  std::shared_ptr<const Certificate> Issued(const WantedCertificate& wanted) {
    return Loaded(authority_.Issue(wanted));
  }

  const MadeAuthority authority_{"koi test authority"};
  const std::shared_ptr<TicketTable> tickets_ = std::make_shared<TicketTable>();
  const OwnedTls<SSL_CTX> client_{::SSL_CTX_new(::TLS_client_method())};
  CertificateSet set_ = {
      Issued({.names = {"koi.example"}}), Issued({.names = {"koi.example"}, .rsa = true}),
      Issued({.names = {"*.koi.example"}}), Issued({.names = {"other.example"}})};
};

TEST_F(TlsContextTest, NameChoosesTheCertificateAndTheFirstIsForTheRest) {
  const TlsContext worker = Worker();
  EXPECT_EQ(Shake(worker, "koi.example").shown, "koi.example");
  EXPECT_EQ(Shake(worker, "www.koi.example").shown, "*.koi.example");
  EXPECT_EQ(Shake(worker, "OTHER.example").shown, "other.example");
  EXPECT_EQ(Shake(worker, "stranger.example").shown, "koi.example");
  const Outcome nameless = Shake(worker, "");
  EXPECT_EQ(nameless.shown, "koi.example");
  EXPECT_EQ(nameless.chain, 2u) << "what is in the file, nothing looked for";
}

TEST_F(TlsContextTest, ClientDecidesOfWhichKindTheKeyIs) {
  const TlsContext worker = Worker();
  EXPECT_EQ(Shake(worker, "koi.example").kind, "EC");
  ::SSL_CTX_set1_sigalgs_list(client_.get(), "RSA-PSS+SHA256");
  EXPECT_EQ(Shake(worker, "koi.example").kind, "RSA");
  EXPECT_EQ(Shake(worker, "").kind, "RSA");
  EXPECT_FALSE(Shake(worker, "other.example").done) << "it has none, and gets no other name's";
}

TEST_F(TlsContextTest, StrictServiceTurnsAwayWhoAsksForNothingItHas) {
  const TlsContext worker = Worker({.options = {.strict_sni = true}});
  EXPECT_EQ(Shake(worker, "www.koi.example").shown, "*.koi.example");
  for (const char* name : {"stranger.example", ""}) {
    const Outcome outcome = Shake(worker, name);
    EXPECT_FALSE(outcome.done);
    EXPECT_EQ(outcome.alert, "unrecognized name");
  }
}

TEST_F(TlsContextTest, ExpiredCertificateGivesWayToOneThatIsValid) {
  set_ = {Issued({.names = {"koi.example", "x"}, .from_seconds = -7200, .until_seconds = -60}),
          Issued({.names = {"*.example", "koi.example"}})};
  const TlsContext worker = Worker();
  EXPECT_EQ(Shake(worker, "koi.example").shown, "*.example");
  EXPECT_EQ(Shake(worker, "").shown, "*.example");
  EXPECT_EQ(Shake(worker, "x").shown, "koi.example") << "there is no other for it";
}

TEST_F(TlsContextTest, OptionsSayWhatIsAgreedOn) {
  const TlsContext modern = Worker({.options = {.min_version = TlsVersion::k13,
                                                .tls13_ciphers = "TLS_CHACHA20_POLY1305_SHA256",
                                                .groups = "P-384",
                                                .alpn = {"h2", "http/1.1"}}});
  static constexpr unsigned char kOffered[] = "\x08http/1.1\x02h2";
  ::SSL_CTX_set_alpn_protos(client_.get(), kOffered, sizeof(kOffered) - 1);
  const Outcome outcome = Shake(modern, "koi.example");
  EXPECT_EQ(outcome.server.version, "TLSv1.3");
  EXPECT_EQ(outcome.server.cipher, "TLS_CHACHA20_POLY1305_SHA256");
  EXPECT_EQ(outcome.server.alpn, "h2");
  UseTls12();
  EXPECT_FALSE(Shake(modern, "koi.example").done);
  const Outcome old =
      Shake(Worker({.options = {.tls12_ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"}}), "koi.example");
  EXPECT_EQ(old.server.cipher, "ECDHE-ECDSA-AES256-GCM-SHA384");
}

TEST_F(TlsContextTest, OpenSslKnowsEveryNameThatAConfigurationMayHave) {
  for (const absl::string_view name : KnownTls12Ciphers()) {
    SCOPED_TRACE(name);
    (void)Worker({.options = {.tls12_ciphers = std::string(name)}});
  }
  for (const absl::string_view name : KnownTls13Ciphers()) {
    (void)Worker({.options = {.tls13_ciphers = std::string(name)}});
  }
  for (const absl::string_view name : KnownGroups()) {
    (void)Worker({.options = {.groups = std::string(name)}});
  }
}

// Of two workers, or two hosts, with the same keys.
TEST_F(TlsContextTest, TicketOfOneWorkerIsGoodAtAnother) {
  for (const bool tls12 : {false, true}) {
    if (tls12) UseTls12();
    const TicketKeyring ring =
        TicketKeyring::Shared("the secret of both hosts", std::chrono::hours(1), 7200);
    const auto elsewhere = std::make_shared<TicketTable>();
    tickets_->Set(ring.keys());
    elsewhere->Set(ring.keys());
    const TlsContext one = Worker();
    const TlsContext other = Worker({}, set_, elsewhere);
    const Outcome first = Shake(one, "koi.example");
    ASSERT_TRUE(first.done);
    const Outcome second = Shake(other, "koi.example", first.session.get());
    EXPECT_TRUE(second.server.resumed);
    EXPECT_EQ(second.server.sni, "koi.example");
    // One key later, and another.
    elsewhere->Set(
        TicketKeyring::Shared("the secret of both hosts", std::chrono::hours(1), 10800).keys());
    EXPECT_TRUE(Shake(other, "koi.example", first.session.get()).server.resumed);
    elsewhere->Set(
        TicketKeyring::Shared("the secret of both hosts", std::chrono::hours(1), 14400).keys());
    const Outcome late = Shake(other, "koi.example", first.session.get());
    EXPECT_TRUE(late.done);
    EXPECT_FALSE(late.server.resumed);
  }
}

TEST_F(TlsContextTest, TicketIsOfNoUseAtAnotherServiceOrUnderOtherRules) {
  const TlsSettings web = {.service = "web"};
  const Outcome first = Shake(Worker(web), "koi.example");
  EXPECT_TRUE(Shake(Worker(web), "koi.example", first.session.get()).server.resumed);
  const Outcome elsewhere = Shake(Worker({.service = "api"}), "koi.example", first.session.get());
  EXPECT_TRUE(elsewhere.done);
  EXPECT_FALSE(elsewhere.server.resumed);
  const TlsSettings asks = {.service = "web",
                            .options = {.client_certificates = ClientCertificates::kRequired},
                            .client_ca_pem = authority_.pem()};
  EXPECT_FALSE(Shake(Worker(asks), "koi.example", first.session.get()).done);
}

TEST_F(TlsContextTest, TicketsCanBeTurnedOff) {
  const TlsContext worker = Worker({.options = {.tickets = false}});
  const Outcome first = Shake(worker, "koi.example");
  ASSERT_TRUE(first.done);
  EXPECT_FALSE(Shake(worker, "koi.example", first.session.get()).server.resumed);
}

TEST_F(TlsContextTest, ClientCertificateIsKnownAlsoOfAResumedSession) {
  TlsSettings settings = {.options = {.client_certificates = ClientCertificates::kRequired},
                          .client_ca_pem = authority_.pem()};
  const TlsContext required = Worker(settings);
  settings.options.client_certificates = ClientCertificates::kOptional;
  const TlsContext optional = Worker(settings);

  const Outcome without = Shake(required, "koi.example");
  EXPECT_EQ(without.alert, "unknown") << "certificate_required, which OpenSSL has no words for";
  EXPECT_TRUE(Shake(optional, "koi.example").done);

  Show(authority_.Issue({.names = {"anna"}}));
  for (const TlsContext* worker : {&required, &optional}) {
    const Outcome known = Shake(*worker, "koi.example");
    ASSERT_TRUE(known.done);
    EXPECT_TRUE(known.server.client.presented);
    EXPECT_EQ(known.server.client.subject, "CN=anna");
    EXPECT_EQ(known.server.client.common_name, "anna");
    EXPECT_EQ(known.server.client.fingerprint.size(), 64u);
    const Outcome again = Shake(*worker, "koi.example", known.session.get());
    EXPECT_TRUE(again.server.resumed);
    EXPECT_EQ(again.server.client.fingerprint, known.server.client.fingerprint);
  }
  Show(MakeCertificate("stranger"));
  EXPECT_EQ(Shake(required, "koi.example").alert, "unknown CA");
  EXPECT_EQ(Shake(optional, "koi.example").alert, "unknown CA");
  Show(authority_.Issue({.names = {"late"}, .from_seconds = -7200, .until_seconds = -60}));
  EXPECT_EQ(Shake(optional, "koi.example").alert, "certificate expired");
}

TEST_F(TlsContextTest, StapleIsThatOfTheCertificateThatIsShown) {
  const MadeCertificate other = authority_.Issue({.names = {"other.example"}});
  const std::string response = authority_.OcspResponse(other.chain_pem, 3600);
  Certificate stapled = *Loaded(other);
  stapled.ocsp = response;
  stapled.ocsp_until_s = std::time(nullptr) + 3600;
  set_[3] = std::make_shared<const Certificate>(stapled);
  EXPECT_EQ(Shake(Worker(), "other.example").staple, response);
  EXPECT_EQ(Shake(Worker(), "koi.example").staple, "");
  stapled.ocsp_until_s = std::time(nullptr) - 1;
  set_[3] = std::make_shared<const Certificate>(stapled);
  EXPECT_EQ(Shake(Worker(), "other.example").staple, "") << "it has expired meanwhile";
}

TEST_F(TlsContextTest, AuthoritiesThatAreNoneAreRefused) {
  const auto bundle = std::make_shared<const std::string>(EncodeBundle(set_));
  const auto refused = TlsContext::Create(
      {.options = {.client_certificates = ClientCertificates::kRequired}, .client_ca_pem = "hello"},
      CertificateStore::Open(*bundle, bundle).value(), tickets_);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("client_ca: no certificate"));
  EXPECT_FALSE(CertificateStore::Open(EncodeBundle({}), nullptr).ok());
}

}  // namespace
}  // namespace koi
