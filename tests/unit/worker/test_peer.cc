// SPDX-License-Identifier: Apache-2.0
// Blocking sockets, on purpose of another kind than the worker's.
#include "unit/worker/test_peer.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "http/body.h"
#include "http/request_head.h"
#include "http/response_head.h"
#include "net/socket.h"
#include "tls/certificates.h"

namespace koi {

TestPeer::TestPeer(Fd fd) : fd_(std::move(fd)) {
  ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) & ~O_NONBLOCK);
  WaitUpTo(std::chrono::seconds(20));
}

void TestPeer::WaitUpTo(std::chrono::seconds limit) {
  const timeval time = {limit.count(), 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

TestPeer::~TestPeer() {
  if (ssl_ != nullptr) ::SSL_free(ssl_);
}

bool TestPeer::StartTls(const std::string& name, SSL_SESSION* session,
                        const MadeCertificate* shown) {
  SSL_CTX* context = ::SSL_CTX_new(::TLS_client_method());
  if (shown != nullptr) {
    const ParsedCertificate parsed = ParseCertificate(shown->chain_pem, shown->key_pem).value();
    ::SSL_CTX_use_certificate(context, parsed.chain[0].get());
    ::SSL_CTX_use_PrivateKey(context, parsed.key.get());
  }
  ssl_ = ::SSL_new(context);
  ::SSL_CTX_free(context);
  SSL_set_tlsext_host_name(ssl_, name.c_str());
  ::SSL_set_fd(ssl_, fd_.get());
  if (session != nullptr) ::SSL_set_session(ssl_, session);
  return ::SSL_connect(ssl_) == 1;
}

bool TestPeer::AcceptTls(SSL_CTX* context) {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL's own BIO writes without MSG_NOSIGNAL
  ssl_ = ::SSL_new(context);
  ::SSL_set_fd(ssl_, fd_.get());
  return ::SSL_accept(ssl_) == 1;
}

bool TestPeer::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent;
    if (ssl_ != nullptr) {
      sent = ::SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    } else {
      sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool TestPeer::Fill() {
  char buffer[16384];
  ssize_t got;
  if (ssl_ != nullptr) {
    got = ::SSL_read(ssl_, buffer, sizeof(buffer));
    reset_ = got <= 0 && ::SSL_get_error(ssl_, static_cast<int>(got)) != SSL_ERROR_ZERO_RETURN;
  } else {
    got = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
    reset_ = got < 0;
  }
  if (got > 0) pending_.append(buffer, static_cast<size_t>(got));
  return got > 0;
}

TestPeer::Message TestPeer::ReadMessage(bool to_head) {
  Message message;
  size_t end;
  while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
    if (!Fill()) return message;
  }
  message.head = pending_.substr(0, end + 4);
  pending_.erase(0, end + 4);

  const HeadLimits roomy = {.bytes = 1 << 20, .headers = 1000};
  HeadScanner scanner;
  Framing framing = Framing::kNone;
  Fields fields;
  if (absl::StartsWith(message.head, "HTTP/")) {
    ResponseHead head;
    KOI_CHECK(ReadResponseHead(message.head, roomy, scanner, head).state == Parse::kDone);
    framing = head.framing(to_head);
    fields = head.fields;
  } else {
    RequestHead head;
    KOI_CHECK(ReadRequestHead(message.head, roomy, scanner, head).state == Parse::kDone);
    framing = head.framing();
    fields = head.fields;
  }
  BodyDecoder decoder(framing, fields.content_length.value_or(0));
  while (!decoder.done()) {
    if (pending_.empty() && !Fill()) {
      message.whole = !reset_ && decoder.End() == Parse::kDone;
      return message;
    }
    BodyDecoder::Piece piece;
    if (decoder.Decode(pending_, piece) == Parse::kBad) return message;
    absl::StrAppend(&message.body, piece.data);
    pending_.erase(0, piece.consumed);
  }
  message.whole = true;
  return message;
}

std::string TestPeer::Read(size_t bytes) {
  while (pending_.size() < bytes && Fill()) {
  }
  const std::string read = pending_.substr(0, bytes);
  pending_.erase(0, read.size());
  return read;
}

std::string TestPeer::ReadToEnd(bool* reset) {
  while (Fill()) {
  }
  if (reset != nullptr) *reset = reset_;
  return std::exchange(pending_, "");
}

void TestPeer::EndWriting() {
  if (ssl_ != nullptr) ::SSL_shutdown(ssl_);
  ::shutdown(fd_.get(), SHUT_WR);
}

void TestPeer::Close() { fd_.Close(); }

void TestPeer::Reset() {
  const linger reset = {.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  fd_.Close();
}

void TestPeer::Interrupt() {
  if (fd_.valid()) ::shutdown(fd_.get(), SHUT_RDWR);
}

Endpoint TestPeer::local() const { return LocalEndpoint(fd_.get()).value(); }

std::unique_ptr<TestPeer> ConnectTo(const Endpoint& endpoint) {
  Fd fd = ConnectTcp(endpoint).value();
  pollfd connecting = {fd.get(), POLLOUT, 0};
  KOI_CHECK(::poll(&connecting, 1, 10'000) == 1 && ConnectResult(fd.get()).ok());
  return std::make_unique<TestPeer>(std::move(fd));
}

std::unique_ptr<TestPeer> ConnectToTls(const Endpoint& endpoint) {
  auto peer = ConnectTo(endpoint);
  KOI_CHECK(peer->StartTls());
  return peer;
}

TestBackend::TestBackend(Script script) : script_(std::move(script)) {
  listener_ = ListenTcp({Address::Parse("127.0.0.1").value(), 0}).value();
  endpoint_ = LocalEndpoint(listener_.get()).value();
  acceptor_ = std::thread([this] { Serve(); });
}

TestBackend::Script TestBackend::Says(const std::string& name) {
  return [name](TestPeer& client, TestBackend& backend) {
    while (!client.ReadMessage().head.empty()) {
      backend.CountRequest();
      client.Send(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", name.size() + 1, "\r\n\r\n",
                               name, "\n"));
    }
  };
}

TestBackend::Script TestBackend::Echoes() {
  return [](TestPeer& client, TestBackend& backend) {
    for (;;) {
      const TestPeer::Message request = client.ReadMessage();
      if (request.head.empty()) return;
      backend.CountRequest();
      client.Send(absl::StrCat(
          "HTTP/1.1 200 OK\r\nContent-Length: ", request.head.size() + request.body.size(),
          "\r\n\r\n", request.head, request.body));
    }
  };
}

void TestBackend::Serve() {
  while (!stopped_) {
    pollfd ready = {listener_.get(), POLLIN, 0};
    if (::poll(&ready, 1, 10) != 1) continue;
    Fd accepted(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!accepted.valid()) continue;
    ++connections_;
    const std::lock_guard<std::mutex> lock(mutex_);
    auto peer = std::make_shared<TestPeer>(std::move(accepted));
    peers_.push_back(peer);
    threads_.emplace_back([this, peer] {
      script_(*peer, *this);
      const std::lock_guard<std::mutex> ended(mutex_);
      peer->Close();
    });
  }
}

void TestBackend::Stop() {
  if (stopped_.exchange(true)) return;
  acceptor_.join();
  listener_.Close();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& peer : peers_) peer->Interrupt();
  }
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace koi
