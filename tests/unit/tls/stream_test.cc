// SPDX-License-Identifier: Apache-2.0
// Streams over a socket pair, with OpenSSL's own client at the other end.
#include "tls/stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string>

#include "support/tls/made_certificate.h"

namespace koi {
namespace {

// The server's stream under test and an OpenSSL client, both non-blocking, driven in turn.
class TlsStreamTest : public ::testing::Test {
 protected:
  void SetUp() override { Begin(TlsProtocol::kHttp1); }
  void Begin(TlsProtocol protocol) {
    const MadeCertificate made = MakeCertificate("koi.example");
    auto context = TlsContext::Create(made.chain_pem, made.key_pem, protocol);
    ASSERT_TRUE(context.ok()) << context.status();
    context_ = std::make_unique<TlsContext>(*std::move(context));
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    stream_ = std::make_unique<Stream>(Fd(ends[0]), *context_);
    client_fd_ = Fd(ends[1]);
    client_context_ = ::SSL_CTX_new(::TLS_client_method());
    client_ = ::SSL_new(client_context_);
    ::SSL_set_fd(client_, client_fd_.get());
    ::SSL_set_connect_state(client_);
  }
  void TearDown() override {
    ::SSL_free(client_);
    ::SSL_CTX_free(client_context_);
  }
  void BeginAgain(TlsProtocol protocol) {
    TearDown();
    Begin(protocol);
  }

  // Runs both sides until the server's handshake has an outcome.
  Io HandshakeOutcome() {
    for (int turn = 0; turn < 20; ++turn) {
      (void)::SSL_do_handshake(client_);
      const Io outcome = HandshakeOnEvent();
      if (outcome != Io::kAgain) return outcome;
    }
    return Io::kAgain;
  }
  // As after the event that what the client did brings about.
  Io HandshakeOnEvent() {
    stream_->Ready(EPOLLIN | EPOLLOUT);
    return stream_->Handshake();
  }
  std::string ReadAll(Io& last) {
    stream_->Ready(EPOLLIN | EPOLLOUT);
    return ReadOn(last);
  }
  std::string ReadOn(Io& last) {
    std::string all;
    char buffer[4096];
    size_t got = 0;
    while ((last = stream_->Read(buffer, sizeof(buffer), got)) == Io::kDone)
      all.append(buffer, got);
    return all;
  }

  std::unique_ptr<TlsContext> context_;
  std::unique_ptr<Stream> stream_;
  Fd client_fd_;
  SSL_CTX* client_context_ = nullptr;
  SSL* client_ = nullptr;
};

TEST_F(TlsStreamTest, CarriesBytesBothWays) {
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  ASSERT_EQ(::SSL_write(client_, "question", 8), 8);
  Io last;
  EXPECT_EQ(ReadAll(last), "question");
  EXPECT_EQ(last, Io::kAgain);

  size_t written = 0;
  ASSERT_EQ(stream_->Write("answer", written), Io::kDone);
  EXPECT_EQ(written, 6u);
  ASSERT_EQ(stream_->Flush(), Io::kDone);
  char buffer[16];
  EXPECT_EQ(::SSL_read(client_, buffer, sizeof(buffer)), 6);
}

TEST_F(TlsStreamTest, TellsWhatTheHandshakeAgreedOn) {
  ::SSL_set_tlsext_host_name(client_, "KOI.example");
  static constexpr unsigned char kOffered[] = "\x08http/1.1";
  ::SSL_set_alpn_protos(client_, kOffered, sizeof(kOffered) - 1);
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  const TlsFacts facts = stream_->Facts();
  EXPECT_EQ(facts.version, "TLSv1.3");
  EXPECT_EQ(facts.cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(facts.sni, "KOI.example");
  EXPECT_EQ(facts.alpn, "http/1.1");
  EXPECT_FALSE(facts.resumed);
  EXPECT_FALSE(facts.client.presented);
}

TEST_F(TlsStreamTest, BytesSentWithTheHandshakesEndAreThereAtOnce) {
  ASSERT_EQ(::SSL_do_handshake(client_), -1);      // ClientHello
  ASSERT_EQ(HandshakeOnEvent(), Io::kAgain);       // ServerHello ... Finished
  ASSERT_EQ(::SSL_do_handshake(client_), 1);       // Finished
  ASSERT_EQ(::SSL_write(client_, "early", 5), 5);  // in the same read as Finished
  ASSERT_EQ(HandshakeOnEvent(), Io::kDone);
  Io last;
  EXPECT_EQ(ReadAll(last), "early");
}

TEST_F(TlsStreamTest, TellsAnOrderlyEndFromATruncation) {
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  ::SSL_shutdown(client_);
  Io last;
  ReadAll(last);
  EXPECT_EQ(last, Io::kClosed);
}

TEST_F(TlsStreamTest, EndWithoutCloseNotifyIsAFailure) {
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  ::shutdown(client_fd_.get(), SHUT_WR);
  Io last;
  ReadAll(last);
  EXPECT_EQ(last, Io::kFailed);
}

TEST_F(TlsStreamTest, EndWithoutCloseNotifyIsAnEndWhereAnythingMayBeSpoken) {
  BeginAgain(TlsProtocol::kAny);
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  ASSERT_EQ(::SSL_write(client_, "last", 4), 4);
  ::shutdown(client_fd_.get(), SHUT_WR);
  Io last;
  stream_->Ready(EPOLLIN | EPOLLRDHUP);
  EXPECT_EQ(ReadOn(last), "last");
  EXPECT_EQ(last, Io::kClosed);
}

TEST_F(TlsStreamTest, ReadsOnAfterItsOwnShutdown) {
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  ASSERT_EQ(stream_->Shutdown(), Io::kDone);
  char buffer[16];
  EXPECT_LE(::SSL_read(client_, buffer, sizeof(buffer)), 0);
  EXPECT_EQ(::SSL_get_shutdown(client_), SSL_RECEIVED_SHUTDOWN);
  ASSERT_EQ(::SSL_write(client_, "late", 4), 4);
  Io last;
  EXPECT_EQ(ReadAll(last), "late");
}

TEST_F(TlsStreamTest, FullSocketIsWaitedForAndWritingGoesOnElsewhere) {
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  std::string sent;
  size_t written = 0;
  std::string block(64 * 1024, 'x');
  while (stream_->Write(block, written) == Io::kDone) sent.append(block, 0, written);
  ASSERT_GT(sent.size(), 0u);
  // What waits has a bound, which trying again does not move.
  EXPECT_EQ(stream_->Flush(), Io::kAgain);
  const uint64_t flushed = stream_->flushed();
  EXPECT_EQ(stream_->Write(block, written), Io::kAgain);
  EXPECT_LE(sent.size(), flushed + GatheringBio::kQueueBytes);

  const std::string moved = block;  // the same bytes at another address
  std::string received;
  char buffer[16384];
  while (received.size() < sent.size()) {
    const int got = ::SSL_read(client_, buffer, sizeof(buffer));
    stream_->Ready(EPOLLOUT);  // sends what waited
    if (got > 0) received.append(buffer, static_cast<size_t>(got));
    ASSERT_TRUE(got > 0 || ::SSL_get_error(client_, got) == SSL_ERROR_WANT_READ);
  }
  EXPECT_EQ(received, sent);
  EXPECT_GT(stream_->flushed(), flushed);
  EXPECT_EQ(stream_->Write(moved, written), Io::kDone);
}

TEST_F(TlsStreamTest, ResponseGoesWithTheTicketInOneSend) {
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  char byte;
  EXPECT_EQ(::recv(client_fd_.get(), &byte, 1, MSG_PEEK), -1);  // the ticket waits
  size_t written = 0;
  ASSERT_EQ(stream_->Write("head", written), Io::kDone);
  ASSERT_EQ(stream_->Write("body", written), Io::kDone);
  EXPECT_EQ(::recv(client_fd_.get(), &byte, 1, MSG_PEEK), -1);
  ASSERT_EQ(stream_->Flush(), Io::kDone);
  char buffer[16];
  EXPECT_EQ(::SSL_read(client_, buffer, sizeof(buffer)), 4);
  EXPECT_EQ(::SSL_read(client_, buffer, sizeof(buffer)), 4);
  EXPECT_EQ(stream_->Flush(), Io::kDone);
}

TEST_F(TlsStreamTest, LastFlightOfTls12DoesNotWait) {
  ::SSL_set_max_proto_version(client_, TLS1_2_VERSION);
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  EXPECT_EQ(::SSL_do_handshake(client_), 1);
}

// Two events in all, of the kind an edge-triggered watch gives: the request that OpenSSL has read
// from the socket with the client's Finished is never reported again.
TEST_F(TlsStreamTest, RequestReadWithTheHandshakeIsNotLost) {
  ASSERT_EQ(::SSL_do_handshake(client_), -1);
  ASSERT_EQ(HandshakeOnEvent(), Io::kAgain);
  ASSERT_EQ(::SSL_do_handshake(client_), 1);
  ASSERT_EQ(::SSL_write(client_, "first", 5), 5);
  ASSERT_EQ(::SSL_write(client_, "second", 6), 6);
  ASSERT_EQ(HandshakeOnEvent(), Io::kDone);
  stream_->Ready(EPOLLOUT);  // tells of room to write alone
  Io last;
  EXPECT_EQ(ReadOn(last), "firstsecond");
  EXPECT_EQ(last, Io::kAgain);
}

TEST_F(TlsStreamTest, ShutdownSendsWhatWaits) {
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  size_t written = 0;
  ASSERT_EQ(stream_->Write("last", written), Io::kDone);
  ASSERT_EQ(stream_->Shutdown(), Io::kDone);
  char buffer[16];
  EXPECT_EQ(::SSL_read(client_, buffer, sizeof(buffer)), 4);
  EXPECT_EQ(::SSL_read(client_, buffer, sizeof(buffer)), 0);
  EXPECT_EQ(::SSL_get_error(client_, 0), SSL_ERROR_ZERO_RETURN);
}

TEST_F(TlsStreamTest, NoiseFailsTheHandshake) {
  ASSERT_EQ(::send(client_fd_.get(), "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
  EXPECT_EQ(stream_->Handshake(), Io::kFailed);
}

TEST_F(TlsStreamTest, ChoosesHttp1AmongWhatTheClientOffers) {
  const unsigned char offers[] = "\x02h2\x08http/1.1";
  ::SSL_set_alpn_protos(client_, offers, sizeof(offers) - 1);
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  const unsigned char* chosen = nullptr;
  unsigned int bytes = 0;
  ::SSL_get0_alpn_selected(client_, &chosen, &bytes);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), bytes), "http/1.1");
}

TEST_F(TlsStreamTest, RefusesAClientThatSpeaksOtherProtocolsAlone) {
  const unsigned char offers[] = "\x02h2";
  ::SSL_set_alpn_protos(client_, offers, sizeof(offers) - 1);
  EXPECT_EQ(HandshakeOutcome(), Io::kFailed);
}

TEST_F(TlsStreamTest, RefusesTls11) {
  ::SSL_set_min_proto_version(client_, TLS1_1_VERSION);
  ::SSL_set_max_proto_version(client_, TLS1_1_VERSION);
  ::SSL_set_cipher_list(client_, "ALL:@SECLEVEL=0");
  EXPECT_EQ(HandshakeOutcome(), Io::kFailed);
}

TEST_F(TlsStreamTest, PrefersX25519AndSendsOneTicket) {
  ASSERT_EQ(HandshakeOutcome(), Io::kDone);
  EXPECT_EQ(::SSL_version(client_), TLS1_3_VERSION);
  EXPECT_EQ(SSL_get_negotiated_group(client_), NID_X25519);
  EXPECT_EQ(::SSL_CTX_get_num_tickets(context_->get()), 1u);
}

class PlainStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    stream_ = std::make_unique<Stream>(Fd(ends[0]));
    peer_ = Fd(ends[1]);
  }
  std::unique_ptr<Stream> stream_;
  Fd peer_;
  char buffer_[64];
  size_t got_ = 0;
};

TEST_F(PlainStreamTest, ShortReadMeansThatAnEventWillFollow) {
  ASSERT_EQ(::send(peer_.get(), "abc", 3, 0), 3);
  EXPECT_EQ(stream_->Read(buffer_, sizeof(buffer_), got_), Io::kDone);
  EXPECT_EQ(got_, 3u);
  EXPECT_FALSE(stream_->readable());
  EXPECT_EQ(stream_->Read(buffer_, sizeof(buffer_), got_), Io::kAgain);

  ASSERT_EQ(::send(peer_.get(), "d", 1, 0), 1);
  stream_->Ready(EPOLLIN);
  EXPECT_EQ(stream_->Read(buffer_, sizeof(buffer_), got_), Io::kDone);
}

TEST_F(PlainStreamTest, EndThatWasToldWithTheLastBytesIsNotMissed) {
  ASSERT_EQ(::send(peer_.get(), "abc", 3, 0), 3);
  peer_.Close();
  stream_->Ready(EPOLLIN | EPOLLRDHUP);  // one edge for both
  EXPECT_EQ(stream_->Read(buffer_, sizeof(buffer_), got_), Io::kDone);
  EXPECT_EQ(stream_->Read(buffer_, sizeof(buffer_), got_), Io::kClosed);
}

TEST_F(PlainStreamTest, ShutdownEndsOnlyItsOwnSide) {
  ASSERT_EQ(stream_->Shutdown(), Io::kDone);
  EXPECT_EQ(::recv(peer_.get(), buffer_, sizeof(buffer_), 0), 0);
  ASSERT_EQ(::send(peer_.get(), "late", 4, 0), 4);
  EXPECT_EQ(stream_->Read(buffer_, sizeof(buffer_), got_), Io::kDone);
}

}  // namespace
}  // namespace koi
