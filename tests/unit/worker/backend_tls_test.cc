// SPDX-License-Identifier: Apache-2.0
// TLS to backends: who is believed, what is asked for, what is used again.
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <mutex>

#include "absl/strings/str_cat.h"
#include "unit/worker/access_log_fixture.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Backends that answer each request over TLS, and tell what they saw of each connection.
class BackendTlsTest : public AccessLogTest {
 protected:
  BackendTlsTest() : context_(::SSL_CTX_new(::TLS_server_method())) {
    BIO* chain = ::BIO_new_mem_buf(made_.chain_pem.data(), -1);
    BIO* secret = ::BIO_new_mem_buf(made_.key_pem.data(), -1);
    X509* certificate = ::PEM_read_bio_X509(chain, nullptr, nullptr, nullptr);
    EVP_PKEY* key = ::PEM_read_bio_PrivateKey(secret, nullptr, nullptr, nullptr);
    ::SSL_CTX_use_certificate(context_, certificate);
    ::SSL_CTX_use_PrivateKey(context_, key);
    ::X509_free(certificate);
    ::EVP_PKEY_free(key);
    ::BIO_free(chain);
    ::BIO_free(secret);
    // Asked for, and believed whatever it is.
    ::SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
    ::SSL_CTX_set_session_id_context(context_, reinterpret_cast<const unsigned char*>("t"), 1);
  }
  ~BackendTlsTest() override { ::SSL_CTX_free(context_); }

  void SetUp() override {
    has_tls_ = true;
    AccessLogTest::SetUp();
  }
  void Trust(const std::string& pem) {
    tls_.trust = {.digest = "0f", .pem = std::make_shared<const std::string>(pem)};
  }
  TestBackend::Script Secure(TestBackend::Script script) {
    return [this, script = std::move(script)](TestPeer& client, TestBackend& backend) {
      if (!client.AcceptTls(context_)) return;
      const char* name = ::SSL_get_servername(client.ssl(), TLSEXT_NAMETYPE_host_name);
      X509* certificate = ::SSL_get1_peer_certificate(client.ssl());
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        seen_.push_back(absl::StrCat(name == nullptr ? "-" : name,
                                     ::SSL_session_reused(client.ssl()) == 1 ? " resumed" : "",
                                     certificate != nullptr ? " certified" : ""));
      }
      ::X509_free(certificate);
      script(client, backend);
    };
  }
  std::vector<std::string> Seen() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return seen_;
  }
  // Answers one request.
  static void Once(TestPeer& client, TestBackend&) {
    (void)client.ReadMessage();
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  }
  std::string GetFrom(const std::string& host) {
    auto client = ConnectTo(http());
    client->Send(absl::StrCat("GET / HTTP/1.1\r\nHost: ", host, "\r\n\r\n"));
    return client->ReadMessage().body;
  }

  const MadeCertificate made_ = MakeCertificate("web.internal");
  SSL_CTX* const context_;
  std::mutex mutex_;
  std::vector<std::string> seen_;
};

class FixedNameTest : public BackendTlsTest {
 protected:
  void SetUp() override {
    Trust(made_.chain_pem);
    tls_.sni = "web.internal";
    tls_.chain_pem = made_.chain_pem;
    tls_.key_pem = made_.key_pem;
    BackendTlsTest::SetUp();
  }
};

TEST_F(FixedNameTest, IsAskedForVerifiedAndResumed) {
  TestBackend web(Secure(Once));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_EQ(GetFrom("koi.example"), "ok");
  EXPECT_EQ(GetFrom("koi.example"), "ok");
  EXPECT_THAT(Seen(), ElementsAre("web.internal certified", "web.internal resumed certified"));
  EXPECT_EQ(Line()["reason"], "finished");
}

// Resuming would pass by what has changed: whom koi believes, and who it says it is.
TEST_F(FixedNameTest, SessionIsOfNoUseOnceThePoolsTlsHasChanged) {
  TestBackend web(Secure(Once));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_EQ(GetFrom("koi.example"), "ok");
  const auto tell = [this](const WorkerPool& pool) {
    ASSERT_TRUE(
        std::holds_alternative<WorkerReady>(worker_.Start({ServiceOn("web", {http()})}, {pool})));
  };
  WorkerPool pool = pools_[0];
  pool.timeouts.idle = std::chrono::seconds(7);
  tell(pool);
  EXPECT_EQ(GetFrom("koi.example"), "ok");
  EXPECT_EQ(Seen().back(), "web.internal resumed certified") << "nothing of TLS has changed";

  pool.tls.chain_pem = pool.tls.key_pem = "";
  tell(pool);
  EXPECT_EQ(GetFrom("koi.example"), "ok");
  EXPECT_EQ(Seen().back(), "web.internal");

  pool.tls.trust = {
      .digest = "1f",
      .pem = std::make_shared<const std::string>(MakeCertificate("somebody else").chain_pem)};
  tell(pool);
  EXPECT_THAT(Get(http()).head, StartsWith("HTTP/1.1 502 "));
}

TEST_F(FixedNameTest, ConnectionIsKeptForTheNextRequest) {
  TestBackend web(Secure(TestBackend::Says("web-1")));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(GetFrom("koi.example"), "web-1\n");
  EXPECT_EQ(web.connections(), 1);
}

TEST_F(FixedNameTest, TcpModeSpeaksItToo) {
  TestBackend raw(Secure([](TestPeer& client, TestBackend&) { client.Send(client.ReadToEnd()); }));
  worker_.AddBackend(kRawPool, "raw-1", raw.endpoint());
  auto client = ConnectToTls(tls());
  client->Send("hello");
  client->EndWriting();
  EXPECT_EQ(client->ReadToEnd(), "hello");
  EXPECT_THAT(Seen(), ElementsAre("web.internal certified"));
}

class OtherNameTest : public BackendTlsTest {
 protected:
  void SetUp() override {
    Trust(made_.chain_pem);
    tls_.name = "db.internal";
    BackendTlsTest::SetUp();
  }
};

TEST_F(OtherNameTest, IsRefusedCountedAndSaid) {
  TestBackend web(Secure(Once));
  const BackendEntry backend = worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_THAT(Get(http()).head, StartsWith("HTTP/1.1 502 "));
  const Json line = Line();
  EXPECT_EQ(line["reason"], "backend-tls-failed");
  EXPECT_EQ(line["backend"], "web-1");
  EXPECT_EQ(worker_.Figures(backend).errors, 1u);
  EXPECT_THAT(worker_.Log(), HasSubstr("TLS with a backend failed backend=web-1 "
                                       "expected=db.internal why=\"hostname mismatch\""));
}

TEST_F(OtherNameTest, BackendWithoutTlsIsRefused) {
  TestBackend web([](TestPeer& client, TestBackend&) {
    client.Send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    (void)client.ReadToEnd();
  });
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  EXPECT_THAT(Get(http()).head, StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(Line()["reason"], "backend-tls-failed");
}

class NameOfTheHostTest : public BackendTlsTest {
 protected:
  void SetUp() override {
    tls_.verify = false;
    tls_.sni_from = SniSource::kHost;
    BackendTlsTest::SetUp();
  }
};

TEST_F(NameOfTheHostTest, KeptConnectionServesItsOwnNameAlone) {
  TestBackend web(Secure(TestBackend::Says("web-1")));
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  for (const char* host : {"a.example:8080", "B.example", "a.example", "b.example", "192.0.2.1"}) {
    EXPECT_EQ(GetFrom(host), "web-1\n");
  }
  EXPECT_THAT(Seen(), ElementsAre("a.example", "b.example", "-"));
}

}  // namespace
}  // namespace koi
