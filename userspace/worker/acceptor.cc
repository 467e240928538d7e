// SPDX-License-Identifier: Apache-2.0
// accept4(2), a batch at a time.
#include "worker/acceptor.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/status_macros.h"
#include "net/socket.h"
#include "worker/limits.h"

namespace koi {
namespace {

bool IsMisplaced(int fd, int cpu) {
  int incoming = -1;
  socklen_t bytes = sizeof(incoming);
  if (::getsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &incoming, &bytes) != 0) return false;
  return incoming != cpu;
}

// Accepted sockets inherit these, which saves two calls for each.
void SetInherited(int listener) {
  const int on = 1;
  (void)::setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  (void)::setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Open(EventLoop& loop, std::vector<Fd> listeners,
                                                         int cpu, Callback callback) {
  std::unique_ptr<Acceptor> acceptor(
      new Acceptor(loop, std::move(listeners), cpu, std::move(callback)));
  for (const Fd& listener : acceptor->listeners_) {
    SetInherited(listener.get());
    KOI_ASSIGN_OR_RETURN(
        EventLoop::Watch watch,
        loop.Add(listener.get(), EPOLLIN,
                 [raw = acceptor.get(), fd = listener.get()](uint32_t) { raw->Accept(fd); }));
    acceptor->watches_.push_back(std::move(watch));
  }
  return acceptor;
}

void Acceptor::SetPaused(bool paused) {
  paused_ = paused;
  Watch();
}

void Acceptor::Watch() {
  uint32_t events = 0;
  if (!paused_ && !recovery_.pending()) events = EPOLLIN;
  for (EventLoop::Watch& watch : watches_) watch.SetEvents(events);
}

void Acceptor::Accept(int listener) {
  for (int i = 0; i < kAcceptBatch && !paused_; ++i) {
    sockaddr_storage peer = {};
    socklen_t bytes = sizeof(peer);
    AcceptedConnection accepted;
    accepted.fd = Fd(::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &bytes,
                               SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted.fd.valid()) {
      const bool exhausted =
          errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (exhausted) {
        // The listener stays readable: without a pause this loop would spin until one ends.
        recovery_ = loop_.After(kAcceptPause, [this] {
          recovery_ = {};
          Watch();
        });
        Watch();
      }
      return;  // the rest: nobody waits, or whoever did has left
    }
    const auto local = LocalEndpoint(accepted.fd.get());
    const auto remote = Endpoint::FromSockaddr(peer);
    if (!local.ok() || !remote.ok()) continue;  // reset before it could be asked
    accepted.local = *local;
    accepted.peer = *remote;
    accepted.misplaced = IsMisplaced(accepted.fd.get(), cpu_);
    callback_(std::move(accepted));
  }
}

}  // namespace koi
