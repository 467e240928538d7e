// SPDX-License-Identifier: Apache-2.0
// The set of connections, and the client's bytes.
#include "worker/client_connection.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace koi {

void ClientSet::Start(std::unique_ptr<ClientConnection> connection) {
  ClientConnection& started = *connection;
  connections_.push_front(std::move(connection));
  started.place_ = connections_.begin();
  started.Start();
}

void ClientSet::End(ClientConnection& connection, CloseReason reason) {
  connections_.erase(connection.place_);
  CountEnd(reason);
}

void ClientSet::Replace(ClientConnection& connection, std::unique_ptr<ClientConnection> next) {
  connections_.erase(connection.place_);
  Start(std::move(next));
}

void ClientSet::CountEnd(CloseReason reason) {
  ++ended_[static_cast<size_t>(reason)];
  counters_.ConnectionEnded();
  if (draining_ && reason == CloseReason::kCut) counters_.Cut(1);
  on_end_();
}

void ClientSet::Drain() {
  draining_ = true;
  Reconsider();
}

void ClientSet::Reconsider() {
  for (auto next = connections_.begin(); next != connections_.end();) {
    ClientConnection& connection = **next;
    ++next;  // first: this one may end
    connection.Reconsider();
  }
}

void ClientSet::Cut() {
  while (!connections_.empty()) {
    ClientConnection& connection = *connections_.front();
    connection.Cut();
    End(connection, CloseReason::kCut);
  }
}

std::string ClientSet::Reasons() const {
  std::string text;
  for (size_t i = 0; i < kCloseReasons; ++i) {
    if (ended_[i] == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : " ", kCloseReasonNames[i], "=", ended_[i]);
  }
  return text;
}

absl::Status ClientStream::Watch(EventLoop& loop, Waker& owner) {
  // No more than std::function holds without memory of its own.
  auto watch = loop.Add(stream.fd(), kStreamEvents, [this, &owner](uint32_t events) {
    stream.Ready(events);
    owner.Wake();
  });
  loop_ = &loop;
  began_ = loop.now();
  if (watch.ok()) watch_ = *std::move(watch);
  return watch.status();
}

Io ClientStream::Fill() {
  if (in.full()) return Io::kAgain;
  size_t room = 0;
  char* at = in.Room(room);
  size_t got = 0;
  const Io io = stream.Read(at, room, got);
  in.Added(got);
  if (got > 0) counters_.FromClient(got);
  return io;
}

Io ClientStream::Flush(bool& moved) {
  Io io = Io::kDone;
  while (!out.empty() && io == Io::kDone) {
    size_t written = 0;
    io = stream.Write(out.bytes(), written);
    if (io != Io::kDone) break;
    out.Take(written);
    counters_.ToClient(written);
    moved = true;
    if (access != nullptr) access->bytes_out += written;
  }
  if (io == Io::kDone) io = stream.Flush();
  if (stream.flushed() != flushed_) moved = true;
  flushed_ = stream.flushed();
  return io;
}

Io ClientStream::Handshake() {
  const Io io = stream.Handshake();
  if (!stream.is_tls() || io == Io::kAgain) return io;
  if (io != Io::kDone) {
    counters_.Handshake(false);
  } else {
    counters_.Handshake(true, stream.tls13(), stream.resumed());
    counters_.SetUp(loop_->now() - began_);
  }
  return io;
}

CloseReason ClientStream::HandshakeReason() const {
  switch (stream.handshake_fault()) {
    case HandshakeFault::kOther: return CloseReason::kHandshakeFailed;
    case HandshakeFault::kCertificate: return CloseReason::kCertificateRefused;
    case HandshakeFault::kName: return CloseReason::kUnrecognizedName;
  }
  KOI_UNREACHABLE();
}

void ClientStream::GiveUpHandshake() {
  if (stream.is_tls()) counters_.Handshake(false);
}

}  // namespace koi
