// SPDX-License-Identifier: Apache-2.0
// koi's client against koi's server, over a socket pair.
#include "tls/client_context.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "support/tls/made_certificate.h"
#include "tls/stream.h"

namespace koi {
namespace {

class ClientTlsTest : public ::testing::Test {
 protected:
  // What the client's handshake comes to; then one message has gone each way.
  Io Connect(const ClientTlsContext& context, const TlsServer& server) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    Stream accepted(Fd(ends[0]), server_context_);
    Stream client(Fd(ends[1]), context, server);
    Io outcome = Io::kAgain;
    for (int turn = 0; turn < 20 && outcome == Io::kAgain; ++turn) {
      client.Ready(EPOLLIN | EPOLLOUT);
      outcome = client.Handshake();
      accepted.Ready(EPOLLIN | EPOLLOUT);
      (void)accepted.Handshake();
    }
    fault_ = std::string(client.CertificateFault());
    if (outcome != Io::kDone) return outcome;
    size_t written = 0;
    EXPECT_EQ(accepted.Write("answer", written), Io::kDone);  // after its ticket
    EXPECT_EQ(accepted.Flush(), Io::kDone);
    client.Ready(EPOLLIN);
    char buffer[16];
    size_t got = 0;
    EXPECT_EQ(client.Read(buffer, sizeof(buffer), got), Io::kDone);
    facts_ = accepted.Facts();
    return outcome;
  }
  ClientTlsSettings Trusting(const MadeCertificate& made) const {
    return {.ca_pem = made.chain_pem};
  }

  const MadeCertificate made_ = MakeCertificate("web.internal");
  const TlsContext server_context_ =
      TlsContext::Create(made_.chain_pem, made_.key_pem, TlsProtocol::kHttp1).value();
  TlsFacts facts_;
  std::string fault_;
};

TEST_F(ClientTlsTest, ServerWithTheExpectedNameIsTrusted) {
  const auto context = ClientTlsContext::Create(Trusting(made_)).value();
  const TlsServer server{.server_name = "sent.example",
                         .expected_name = "web.internal",
                         .protocol = TlsProtocol::kHttp1};
  EXPECT_EQ(Connect(context, server), Io::kDone);
  EXPECT_EQ(fault_, "");
  EXPECT_EQ(facts_.sni, "sent.example");
  EXPECT_EQ(facts_.alpn, "http/1.1");
  EXPECT_EQ(facts_.version, "TLSv1.3");
}

TEST_F(ClientTlsTest, AnotherNameAnotherAuthorityAndAnotherAddressAreRefused) {
  const auto trusting = ClientTlsContext::Create(Trusting(made_)).value();
  EXPECT_EQ(Connect(trusting, {.expected_name = "db.internal"}), Io::kFailed);
  EXPECT_EQ(fault_, "hostname mismatch");
  EXPECT_EQ(Connect(trusting, {.expected_name = "192.0.2.1"}), Io::kFailed);
  EXPECT_EQ(fault_, "IP address mismatch");
  const MadeCertificate other = MakeCertificate("web.internal");
  const auto suspicious = ClientTlsContext::Create(Trusting(other)).value();
  EXPECT_EQ(Connect(suspicious, {.expected_name = "web.internal"}), Io::kFailed);
  EXPECT_NE(fault_, "");
}

TEST_F(ClientTlsTest, WithoutVerificationAnybodyIsTaken) {
  const auto context = ClientTlsContext::Create({.verify = false}).value();
  EXPECT_EQ(Connect(context, {}), Io::kDone);
}

TEST_F(ClientTlsTest, SessionIsResumedUnderItsNameAlone) {
  for (const bool tls13 : {true, false}) {
    SCOPED_TRACE(tls13);
    ClientTlsSettings settings = Trusting(made_);
    settings.tls13 = tls13;
    const auto context = ClientTlsContext::Create(settings).value();
    ClientSession session;
    TlsServer server{.expected_name = "web.internal", .session = &session};
    ASSERT_EQ(Connect(context, server), Io::kDone);
    EXPECT_FALSE(facts_.resumed);
    EXPECT_EQ(facts_.version, tls13 ? "TLSv1.3" : "TLSv1.2");
    ASSERT_EQ(Connect(context, server), Io::kDone);
    EXPECT_TRUE(facts_.resumed);
    server.expected_name = "db.internal";
    EXPECT_EQ(Connect(context, server), Io::kFailed);
  }
}

TEST_F(ClientTlsTest, WhatCannotBeUsedIsSaid) {
  EXPECT_EQ(ClientTlsContext::Create({.ca_pem = "nothing"}).status().message(),
            "no certificate to trust: expected PEM text with \"-----BEGIN CERTIFICATE-----\"");
  const MadeCertificate other = MakeCertificate("web.internal");
  const auto mixed = ClientTlsContext::Create(
      {.ca_pem = made_.chain_pem, .chain_pem = made_.chain_pem, .key_pem = other.key_pem});
  EXPECT_FALSE(mixed.ok());
}

}  // namespace
}  // namespace koi
