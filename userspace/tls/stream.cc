// SPDX-License-Identifier: Apache-2.0
// Reading and writing, plain and through OpenSSL.
#include "tls/stream.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/check.h"

namespace koi {

namespace {

// OpenSSL judges a call by the errors that lie there, whoever left them. There are hardly ever any.
void ClearErrors() {
  if (::ERR_peek_error() != 0) ::ERR_clear_error();
}

ssize_t SpliceBytes(int from, int to, size_t size) {
  ssize_t result;
  do {
    result = ::splice(from, nullptr, to, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (result < 0 && errno == EINTR);
  return result;
}

HandshakeFault FaultOf(unsigned long error) {
  switch (ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return HandshakeFault::kCertificate;
    case SSL_R_CALLBACK_FAILED: return HandshakeFault::kName;
    default: return HandshakeFault::kOther;
  }
}

}  // namespace

const uint32_t kStreamEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

void Stream::Free::operator()(SSL* ssl) const { ::SSL_free(ssl); }

Stream::Stream(Fd fd, const TlsContext& context)
    : fd_(std::move(fd)), ssl_(::SSL_new(context.get())) {
  KOI_CHECK(ssl_ != nullptr);  // out of memory
  SetBio();
  ::SSL_set_accept_state(ssl_.get());
}

Stream::Stream(Fd fd, const ClientTlsContext& context, const TlsServer& server)
    : fd_(std::move(fd)), ssl_(NewClientSsl(context, server)) {
  SetBio();
}

void Stream::SetBio() {
  bio_ = std::make_unique<GatheringBio>(fd_.get());
  BIO* bio = bio_->NewBio();
  ::SSL_set_bio(ssl_.get(), bio, bio);
}

absl::string_view Stream::CertificateFault() const {
  if (ssl_ == nullptr) return "";
  const long result = ::SSL_get_verify_result(ssl_.get());
  return result == X509_V_OK ? "" : ::X509_verify_cert_error_string(result);
}

void Stream::Ready(uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_ended_ = true;
  if ((events & EPOLLERR) != 0) broken_ = true;
  if (bio_ == nullptr) return;
  if (bio_->full()) readable_ = true;  // reading may have waited for room to write
  bio_->Ready(events);
}

Io Stream::Handshake() {
  if (ssl_ == nullptr) return Io::kDone;
  ClearErrors();
  const int result = ::SSL_do_handshake(ssl_.get());
  if (result != 1) handshake_fault_ = FaultOf(::ERR_peek_error());
  const Io outcome = result == 1 ? Io::kDone : Outcome(result);
  // The server's last flight of TLS 1.3 holds tickets alone, which nobody waits for.
  tickets_alone_ = outcome == Io::kDone && ::SSL_is_server(ssl_.get()) == 1 &&
                   ::SSL_version(ssl_.get()) == TLS1_3_VERSION;
  if (!tickets_alone_ && bio_->Send() == GatheringBio::Sent::kFailed) return Io::kFailed;
  return outcome;
}

bool Stream::tls13() const {
  return ssl_ != nullptr && ::SSL_version(ssl_.get()) == TLS1_3_VERSION;
}

bool Stream::resumed() const { return ssl_ != nullptr && ::SSL_session_reused(ssl_.get()) == 1; }

TlsFacts Stream::Facts() const { return ssl_ == nullptr ? TlsFacts() : FactsOf(ssl_.get()); }

Io Stream::Read(char* buffer, size_t size, size_t& got) {
  got = 0;
  if (!readable_) return Io::kAgain;
  if (ssl_ == nullptr) return PlainRead(buffer, size, got);
  ClearErrors();
  const int result = ::SSL_read_ex(ssl_.get(), buffer, size, &got);
  if (result == 1) {
    // Else OpenSSL would be asked only to say so.
    readable_ = bio_->readable() || ::SSL_has_pending(ssl_.get()) == 1;
    return Io::kDone;
  }
  const Io outcome = Outcome(result);
  if (outcome == Io::kAgain) readable_ = false;
  return outcome;
}

Io Stream::Write(absl::string_view bytes, size_t& written) {
  written = 0;
  if (ssl_ == nullptr) return PlainWrite(bytes, written);
  if (bio_->full()) return Io::kAgain;
  tickets_alone_ = false;
  ClearErrors();
  const int result = ::SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
  return result == 1 ? Io::kDone : Outcome(result);
}

Io Stream::Flush() {
  if (bio_ == nullptr || tickets_alone_) return Io::kDone;
  switch (bio_->Send()) {
    case GatheringBio::Sent::kAll: return Io::kDone;
    case GatheringBio::Sent::kSome: return Io::kAgain;
    case GatheringBio::Sent::kFailed: return Io::kFailed;
  }
  KOI_UNREACHABLE();
}

Io Stream::Shutdown() {
  if (ssl_ != nullptr && !end_written_ && ::SSL_is_init_finished(ssl_.get()) == 1) {
    ClearErrors();
    const int result = ::SSL_shutdown(ssl_.get());
    if (result < 0 && Outcome(result) == Io::kAgain) return Io::kAgain;
    end_written_ = true;
  }
  tickets_alone_ = false;
  const Io flushed = Flush();
  if (flushed != Io::kDone) return flushed;
  return ::shutdown(fd_.get(), SHUT_WR) == 0 ? Io::kDone : Io::kFailed;
}

void Stream::Abort() {
  const linger reset = {.l_onoff = 1, .l_linger = 0};
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

Io Stream::PlainRead(char* buffer, size_t size, size_t& got) {
  ssize_t result;
  do {
    result = ::recv(fd_.get(), buffer, size, 0);
  } while (result < 0 && errno == EINTR);
  if (result > 0) {
    got = static_cast<size_t>(result);
    // A short read has emptied the socket: what arrives later is a new edge. Only an end that has
    // been told already is not.
    readable_ = got == size || peer_ended_;
    return Io::kDone;
  }
  if (result == 0) return Io::kClosed;
  if (errno != EAGAIN) return Io::kFailed;
  readable_ = false;
  return Io::kAgain;
}

Io Stream::PlainWrite(absl::string_view bytes, size_t& written) {
  if (!writable_) return Io::kAgain;
  ssize_t result;
  do {
    result = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (result < 0 && errno == EINTR);
  if (result >= 0) {
    written = static_cast<size_t>(result);
    return Io::kDone;
  }
  if (errno != EAGAIN) return Io::kFailed;
  writable_ = false;
  return Io::kAgain;
}

Io Stream::SpliceTo(int pipe_fd, size_t size, size_t& got) {
  got = 0;
  if (!readable_) return Io::kAgain;
  const ssize_t result = SpliceBytes(fd_.get(), pipe_fd, size);
  if (result > 0) {
    got = static_cast<size_t>(result);
    return Io::kDone;
  }
  if (result == 0) return Io::kClosed;
  if (errno != EAGAIN) return Io::kFailed;
  readable_ = false;
  return Io::kAgain;
}

Io Stream::SpliceFrom(int pipe_fd, size_t size, size_t& written) {
  written = 0;
  if (!writable_) return Io::kAgain;
  const ssize_t result = SpliceBytes(pipe_fd, fd_.get(), size);
  if (result > 0) {
    written = static_cast<size_t>(result);
    return Io::kDone;
  }
  if (result == 0 || errno != EAGAIN) return Io::kFailed;
  writable_ = false;
  return Io::kAgain;
}

Io Stream::Outcome(int result) {
  switch (::SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return Io::kAgain;
    case SSL_ERROR_ZERO_RETURN: return Io::kClosed;
    default:
      ::ERR_clear_error();
      (void)bio_->Send();  // the alert that says why
      return Io::kFailed;
  }
}

}  // namespace koi
