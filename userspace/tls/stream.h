// SPDX-License-Identifier: Apache-2.0
// A non-blocking connection, with or without TLS: whatever drives an SSL is here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "base/fd.h"
#include "tls/bio.h"
#include "tls/client_context.h"
#include "tls/context.h"
#include "tls/facts.h"

using SSL = struct ssl_st;

namespace koi {

enum class Io {
  kDone,    // something was done
  kAgain,   // nothing now; an event will follow
  kClosed,  // reading: the peer has ended its side in an orderly way
  kFailed,  // reset, a broken TLS record, an end without close_notify; only closing is left
};

enum class HandshakeFault {
  kOther,        // no TLS, or none that both can agree on
  kCertificate,  // the client has shown none, or one that does not hold
  kName,         // no certificate is for the name that it asked for
};

// Watched edge-triggered for kStreamEvents for its whole life, so that no call of the hot path
// changes the registration. Its owner passes each event to Ready() and then does all it can: after
// kAgain, and only then, the event that makes it worth trying again is certain to come. TLS may
// need to write in order to read; with both directions watched that takes no extra care.
//
// What is written waits inside until Flush(), which its owner calls when it has written what it
// has: so an event costs one send(2), however many records it makes. What waits has a bound.
class Stream {
 public:
  // Takes over a connected (or connecting) socket.
  explicit Stream(Fd fd) : fd_(std::move(fd)) {}
  // The server's side of TLS.
  Stream(Fd fd, const TlsContext& context);
  // The client's side of TLS; `server` must outlive it.
  Stream(Fd fd, const ClientTlsContext& context, const TlsServer& server);

  int fd() const { return fd_.get(); }
  bool is_tls() const { return ssl_ != nullptr; }

  // Sends what waits, where it was waiting for room.
  void Ready(uint32_t events);
  // Whether the peer reset the connection, as far as events have told: nobody is left to write to.
  bool broken() const { return broken_; }
  // Whether the peer has ended its side, as far as events have told.
  bool peer_ended() const { return peer_ended_; }
  // Whether Read() could find something: false right after it said kAgain.
  bool readable() const { return readable_; }

  // kDone at once without TLS. The request that came with the handshake's last bytes may have been
  // read from the socket with them: after kDone, Read() until it says kAgain. A ticket waits for
  // the first Write() and goes with the first response: it is not worth a segment of its own.
  Io Handshake();
  // Of what the handshake has agreed on, what is counted; false without TLS.
  bool tls13() const;
  bool resumed() const;
  // What the handshake has agreed on; only after it is done, and all empty without TLS.
  TlsFacts Facts() const;
  // Why the server's side of a handshake failed.
  HandshakeFault handshake_fault() const { return handshake_fault_; }
  // Why the peer's certificate was refused, in OpenSSL's words; "": it was not.
  absl::string_view CertificateFault() const;
  // kDone: `got` bytes, at least one.
  Io Read(char* buffer, size_t size, size_t& got);
  // kDone: `written` bytes of `bytes`, at least one. After kAgain the same bytes must be written
  // again, from wherever they lie then; more may follow them. With TLS, kAgain means that as much
  // waits to be sent as may: a slow reader makes nothing grow.
  Io Write(absl::string_view bytes, size_t& written);
  // Read() and Write() without TLS that move bytes inside the kernel: at most `size` into a pipe
  // that is empty, and `size` out of one that has them.
  Io SpliceTo(int pipe_fd, size_t size, size_t& got);
  Io SpliceFrom(int pipe_fd, size_t size, size_t& written);
  // Whether the kernel has taken all it wants, until it says otherwise.
  bool blocked() const { return bio_ == nullptr ? !writable_ : bio_->blocked(); }
  // Sends what waits, but for a ticket alone. kDone: the kernel has it all; kAgain: the rest goes
  // when there is room.
  Io Flush();
  // How many bytes of those that had to wait have gone; another figure than before is progress.
  uint64_t flushed() const { return bio_ == nullptr ? 0 : bio_->sent(); }
  // Ends this side: what waits, close_notify, then FIN. Reading goes on. kAgain: call again.
  Io Shutdown();
  // Makes closing send RST instead of FIN: the peer must not take what it got for the whole.
  void Abort();

 private:
  struct Free {
    void operator()(SSL* ssl) const;
  };
  void SetBio();
  Io PlainRead(char* buffer, size_t size, size_t& got);
  Io PlainWrite(absl::string_view bytes, size_t& written);
  Io Outcome(int result);

  Fd fd_;
  std::unique_ptr<GatheringBio> bio_;  // with TLS
  std::unique_ptr<SSL, Free> ssl_;     // freed before the descriptor is closed
  bool readable_ = true;
  bool writable_ = true;
  bool peer_ended_ = false;
  bool broken_ = false;
  HandshakeFault handshake_fault_ = HandshakeFault::kOther;
  bool tickets_alone_ = false;  // nothing else waits to be sent
  bool end_written_ = false;    // close_notify
};

extern const uint32_t kStreamEvents;

}  // namespace koi
