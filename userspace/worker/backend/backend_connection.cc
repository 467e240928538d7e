// SPDX-License-Identifier: Apache-2.0
// Connecting, counting, parking.
#include "worker/backend/backend_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/status_macros.h"
#include "net/socket.h"

namespace koi {

namespace {

Stream StreamOf(Fd fd, const BackendTls& tls) {
  if (tls.context == nullptr) return Stream(std::move(fd));
  return Stream(std::move(fd), *tls.context, tls.server);
}

}  // namespace

BackendConnection::BackendConnection(BackendPlace place, BackendTls tls, Fd fd, Waker& owner)
    : place_(std::move(place)),
      tls_(std::move(tls)),
      stream_(StreamOf(std::move(fd), tls_)),
      owner_(&owner) {}

absl::StatusOr<std::unique_ptr<BackendConnection>> BackendConnection::Connect(EventLoop& loop,
                                                                              BackendPlace place,
                                                                              BackendTls tls,
                                                                              Waker& owner) {
  KOI_ASSIGN_OR_RETURN(Fd fd, ConnectTcp(place.member().endpoint));
  std::unique_ptr<BackendConnection> connection(
      new BackendConnection(std::move(place), std::move(tls), std::move(fd), owner));
  KOI_ASSIGN_OR_RETURN(connection->watch_,
                       loop.Add(connection->stream_.fd(), kStreamEvents,
                                [raw = connection.get()](uint32_t events) { raw->Ready(events); }));
  return connection;
}

void BackendConnection::Ready(uint32_t events) {
  stream_.Ready(events);
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) has_outcome_ = true;
  owner_->Wake();
}

Io BackendConnection::FinishConnect() {
  if (!has_outcome_) return Io::kAgain;
  if (!connected_) {
    if (!ConnectResult(stream_.fd()).ok()) return Io::kFailed;
    connected_ = true;
    if (!SendPreface()) return Io::kFailed;
  }
  return stream_.Handshake();
}

// There is room for it: nothing was sent yet, and it is shorter than the smallest buffer.
bool BackendConnection::SendPreface() {
  if (preface_.empty()) return true;
  const ssize_t sent = ::send(stream_.fd(), preface_.data(), preface_.size(), MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(preface_.size());
}

Io BackendConnection::Read(char* buffer, size_t size, size_t& got) {
  const Io io = stream_.Read(buffer, size, got);
  if (got > 0) counters().BytesIn(got);
  return io;
}

Io BackendConnection::Write(absl::string_view bytes, size_t& written) {
  Io io = stream_.Write(bytes, written);
  // What the kernel does not take now goes with the event that tells of room.
  if (io == Io::kDone && written == bytes.size() && stream_.Flush() == Io::kFailed) {
    io = Io::kFailed;
  }
  if (written > 0) {
    written_ = true;
    counters().BytesOut(written);
  }
  return io;
}

bool BackendConnection::Quiet() {
  char byte;
  size_t got = 0;
  return stream_.Read(&byte, 1, got) == Io::kAgain;
}

void BackendConnection::Park(Waker& keeper) {
  owner_ = &keeper;
  place_.Leave();
}

void BackendConnection::Use(BackendPlace place, Waker& owner) {
  place_ = std::move(place);
  owner_ = &owner;
  reused_ = true;
  written_ = false;
}

}  // namespace koi
