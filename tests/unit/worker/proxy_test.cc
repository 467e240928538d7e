// SPDX-License-Identifier: Apache-2.0
// PROXY headers from proxies in front of koi and for backends behind it, and TLS that is passed on.
#include <openssl/ssl.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "net/proxy_protocol.h"
#include "support/tls/bundled.h"
#include "unit/worker/worker_fixture.h"

namespace koi {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kHeader[] = "PROXY TCP4 192.0.2.7 10.9.8.7 40000 443\r\n";
const std::string kLocal = WriteProxyV2Local();

// What a TLS client that asks for `name` sends first.
std::string HelloFor(const char* name) {
  const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context(
      ::SSL_CTX_new(::TLS_client_method()), &::SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&::SSL_free)> ssl(::SSL_new(context.get()), &::SSL_free);
  ::SSL_set_bio(ssl.get(), ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
  if (name != nullptr) ::SSL_set_tlsext_host_name(ssl.get(), name);
  (void)::SSL_connect(ssl.get());
  char* bytes = nullptr;
  const long count = ::BIO_get_mem_data(::SSL_get_wbio(ssl.get()), &bytes);
  return {bytes, static_cast<size_t>(count)};
}

class ProxyWorkerTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kWebPool = 0;
  static constexpr uint32_t kV1Pool = 1;
  static constexpr uint32_t kV2Pool = 2;
  static constexpr uint32_t kNamedPool = 3;

  Endpoint http() const { return worker_.At(1); }
  Endpoint https() const { return worker_.At(2); }
  Endpoint stranger() const { return worker_.At(3); }  // trusts another network
  Endpoint tcp_v1() const { return worker_.At(4); }
  Endpoint tls_v2() const { return worker_.At(5); }
  Endpoint http_v1() const { return worker_.At(6); }
  Endpoint passthrough() const { return worker_.At(7); }
  Endpoint routes_only() const { return worker_.At(8); }

  void SetUp() override {
    const std::vector<Prefix> here = {*Prefix::Parse("127.0.0.0/8")};
    WorkerService web = ServiceOn("web", {http()});
    web.accept_proxy = here;
    web.timeouts.handshake = std::chrono::milliseconds(800);
    web.access_log = true;
    WorkerService secure = Secure("secure", https());
    secure.accept_proxy = here;
    WorkerService other = ServiceOn("stranger", {stranger()});
    other.accept_proxy = {*Prefix::Parse("10.0.0.0/8")};
    WorkerService v1 = Tcp("tcp-v1", tcp_v1(), kV1Pool);
    v1.accept_proxy = here;
    WorkerService v2 = Secure("tls-v2", tls_v2());
    v2.mode = ServiceMode::kTcp;
    v2.pool = kV2Pool;
    WorkerService web_v1 = ServiceOn("http-v1", {http_v1()});
    web_v1.pool = kV1Pool;
    WorkerService passed = Tcp("passthrough", passthrough(), kWebPool);
    passed.tls = TlsMode::kPassthrough;
    passed.routes = {{.sni = {"a.example"}, .pool = kNamedPool},
                     {.sni = {"*.b.example"}, .pool = kV2Pool}};
    WorkerService only = passed;
    only.name = "routes-only";
    only.listen = {routes_only()};
    only.routes_only = true;
    const WorkerMessage answer =
        worker_.Start({web, secure, other, v1, v2, web_v1, passed, only},
                      {{.number = kV1Pool, .name = "v1", .send_proxy = SendProxy::kV1},
                       {.number = kV2Pool, .name = "v2", .send_proxy = SendProxy::kV2}});
    if (const auto* failed = std::get_if<WorkerFailed>(&answer)) FAIL() << failed->why;
  }

  WorkerService Secure(const std::string& name, const Endpoint& listen) {
    WorkerService service = ServiceOn(name, {listen});
    service.tls = TlsMode::kTerminate;
    service.certificates = Bundled({certificate_});
    return service;
  }
  static WorkerService Tcp(const std::string& name, const Endpoint& listen, uint32_t pool) {
    WorkerService service = ServiceOn(name, {listen});
    service.mode = ServiceMode::kTcp;
    service.pool = pool;
    return service;
  }
  std::string Reasons() {
    worker_.Drain(std::chrono::minutes(1));
    EXPECT_EQ(worker_.Ended(kSoon), 0);
    return worker_.Log();
  }

  MadeCertificate certificate_ = MakeCertificate("koi.example");
  WorkerProcess worker_;
};

// Sends what its client sent, up to its end.
void RepeatsAll(TestPeer& client, TestBackend&) { client.Send(client.ReadToEnd()); }

// Answers anything with this.
TestBackend::Script Answers(const std::string& text) {
  return [text](TestPeer& client, TestBackend&) {
    (void)client.Read(1);
    client.Send(text);
    client.EndWriting();
    (void)client.ReadToEnd();
  };
}

TEST_F(ProxyWorkerTest, HeaderSaysWhoTheClientIs) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto plain = ConnectTo(http());
  plain->Send(absl::StrCat(kHeader, kGet));
  EXPECT_THAT(plain->ReadMessage().body, HasSubstr("X-Forwarded-For: 192.0.2.7\r\n"));

  auto slow = ConnectTo(http());
  for (const char byte : absl::string_view(kHeader)) slow->Send({&byte, 1});
  slow->Send(kGet);
  EXPECT_THAT(slow->ReadMessage().body, HasSubstr("X-Forwarded-For: 192.0.2.7\r\n"));

  auto secure = ConnectTo(https());
  secure->Send(kHeader);
  ASSERT_TRUE(secure->StartTls());
  secure->Send(kGet);
  EXPECT_THAT(secure->ReadMessage().body, HasSubstr("X-Forwarded-For: 192.0.2.7\r\n"));

  auto local = ConnectTo(http());
  local->Send(absl::StrCat(kLocal, kGet));
  EXPECT_THAT(local->ReadMessage().body, HasSubstr("X-Forwarded-For: 127.0.0.1\r\n"));
  EXPECT_EQ(worker_.Figures().connections, 4u) << "each is one connection";
}

TEST_F(ProxyWorkerTest, OthersCannotSayWhoTheyAre) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  auto liar = ConnectTo(stranger());
  liar->Send(absl::StrCat(kHeader, kGet));
  EXPECT_THAT(liar->ReadMessage().head, StartsWith("HTTP/1.1 400"));
  auto honest = ConnectTo(stranger());
  honest->Send(kGet);
  EXPECT_THAT(honest->ReadMessage().body, HasSubstr("X-Forwarded-For: 127.0.0.1\r\n"));
}

TEST_F(ProxyWorkerTest, TrustedProxyMustSendOne) {
  TestBackend web(TestBackend::Echoes());
  worker_.AddBackend(kWebPool, "web-1", web.endpoint());
  for (const char* bytes : {kGet, "PROXY TCP4 nobody\r\n", "\r\n\r\nx"}) {
    auto client = ConnectTo(http());
    client->Send(bytes);
    EXPECT_TRUE(client->AtEnd());
  }
  auto half = ConnectTo(http());
  half->Send("PROXY TC");
  half->EndWriting();
  EXPECT_TRUE(half->AtEnd());
  ConnectTo(http())->Close();
  auto silent = ConnectTo(http());
  EXPECT_TRUE(silent->AtEnd()) << "after its time is over";
  EXPECT_EQ(web.connections(), 0);
  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 0; }));
  std::vector<std::string> lines;
  EXPECT_TRUE(Eventually(kSoon, [&] {
    for (const std::string& line : worker_.AccessLines()) lines.push_back(line);
    return lines.size() == 5;
  }));
  EXPECT_THAT(lines,
              Contains(AllOf(HasSubstr(R"("client":"127.0.0.1:)"), HasSubstr(R"("service":"web")"),
                             HasSubstr(R"("reason":"proxy-header")")))
                  .Times(4));
  EXPECT_THAT(lines, Contains(HasSubstr(R"("reason":"handshake-timed-out")")).Times(1));
  const std::string reasons = Reasons();
  EXPECT_THAT(reasons, HasSubstr("proxy-header=4"));
  EXPECT_THAT(reasons, HasSubstr("client-left=1"));
}

TEST_F(ProxyWorkerTest, BackendIsToldWhoTheClientIs) {
  TestBackend raw(RepeatsAll);
  worker_.AddBackend(kV1Pool, "raw-1", raw.endpoint());
  auto client = ConnectTo(tcp_v1());
  client->Send(absl::StrCat(kHeader, "hello"));
  client->EndWriting();
  EXPECT_EQ(client->ReadToEnd(), absl::StrCat(kHeader, "hello"));

  auto own = ConnectTo(tcp_v1());
  own->Send(kLocal);
  own->EndWriting();
  EXPECT_EQ(own->ReadToEnd(), WriteProxyV1(own->local(), tcp_v1()));
}

TEST_F(ProxyWorkerTest, BackendIsToldOfTheClientsTls) {
  TestBackend raw(RepeatsAll);
  worker_.AddBackend(kV2Pool, "raw-1", raw.endpoint());
  auto client = ConnectToTls(tls_v2());
  client->Send("hello");
  client->EndWriting();
  const std::string told = client->ReadToEnd();
  ProxyHeader header;
  const ProxyParseResult result = ReadProxyHeader(told, header);
  ASSERT_EQ(result.state, ProxyParse::kDone);
  EXPECT_EQ(told.substr(result.bytes), "hello");
  ASSERT_TRUE(header.endpoints.has_value());
  EXPECT_EQ(header.endpoints->client, client->local());
  EXPECT_EQ(header.endpoints->service, tls_v2());
  EXPECT_EQ(header.unique_id.size(), 32u);
  EXPECT_THAT(told, HasSubstr("koi.example"));
  EXPECT_THAT(told, HasSubstr(::SSL_get_version(client->ssl())));
  EXPECT_THAT(told, HasSubstr(::SSL_get_cipher(client->ssl())));
}

TEST_F(ProxyWorkerTest, NoTwoClientsShareAConnectionThatNamesOne) {
  TestBackend web([](TestPeer& client, TestBackend& backend) {
    std::string line;
    while (!absl::EndsWith(line, "\r\n")) {
      const std::string byte = client.Read(1);
      if (byte.empty()) return;
      line += byte;
    }
    while (!client.ReadMessage().head.empty()) {
      backend.CountRequest();
      client.Send(
          absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", line.size(), "\r\n\r\n", line));
    }
  });
  worker_.AddBackend(kV1Pool, "web-1", web.endpoint());
  auto one = ConnectTo(http_v1());
  auto two = ConnectTo(http_v1());
  for (int i = 0; i < 3; ++i) {
    for (TestPeer* client : {one.get(), two.get()}) {
      client->Send(kGet);
      EXPECT_EQ(client->ReadMessage().body, WriteProxyV1(client->local(), http_v1()));
    }
  }
  EXPECT_EQ(web.requests(), 6);
  EXPECT_EQ(web.connections(), 2) << "each client's own is used again";
  one->Close();
  two->Close();
}

TEST_F(ProxyWorkerTest, NameAskedForDecidesWhoGetsTheClientsTls) {
  TestBackend other(Answers("other"));
  TestBackend named(Answers("named"));
  TestBackend below(RepeatsAll);
  worker_.AddBackend(kWebPool, "other", other.endpoint());
  worker_.AddBackend(kNamedPool, "named", named.endpoint());
  worker_.AddBackend(kV2Pool, "below", below.endpoint());
  const auto answer = [](const Endpoint& service, const std::string& bytes, size_t first = 0) {
    auto client = ConnectTo(service);
    client->Send(bytes.substr(0, first));
    client->Send(bytes.substr(first));
    client->EndWriting();
    return client->ReadToEnd();
  };
  EXPECT_EQ(answer(passthrough(), HelloFor("A.example")), "named");
  EXPECT_EQ(answer(passthrough(), HelloFor("a.example"), 100), "named");
  EXPECT_EQ(answer(passthrough(), HelloFor("b.example")), "other");
  EXPECT_EQ(answer(passthrough(), HelloFor(nullptr)), "other");
  EXPECT_EQ(answer(routes_only(), HelloFor("a.example")), "named");
  EXPECT_EQ(answer(routes_only(), HelloFor("c.example")), "");
  EXPECT_EQ(answer(routes_only(), "GET / HTTP/1.1\r\n\r\n"), "");

  const std::string hello = HelloFor("x.y.b.example");
  const std::string told = answer(routes_only(), hello);
  ProxyHeader header;
  const ProxyParseResult result = ReadProxyHeader(told, header);
  ASSERT_EQ(result.state, ProxyParse::kDone);
  EXPECT_TRUE(told.substr(result.bytes) == hello) << "as it came";
  EXPECT_THAT(told.substr(0, result.bytes), HasSubstr("x.y.b.example"));

  ASSERT_TRUE(Eventually(kSoon, [&] { return worker_.Figures().connections == 0; }));
  EXPECT_EQ(worker_.Figures().errors, 1u);
  const std::string reasons = Reasons();
  EXPECT_THAT(reasons, HasSubstr("no-route=1"));
  EXPECT_THAT(reasons, HasSubstr("handshake-failed=1"));
}

}  // namespace
}  // namespace koi
