// SPDX-License-Identifier: Apache-2.0
// Looking at bytes where they lie: what follows the header is left in the kernel for TLS or HTTP.
#include "worker/proxy_reception.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace koi {

ProxyReception::ProxyReception(EventLoop& loop, ClientSet& clients, AcceptedConnection accepted,
                               std::shared_ptr<const Service> service, const Next& next)
    : loop_(loop),
      clients_(clients),
      accepted_(std::move(accepted)),
      service_(std::move(service)),
      next_(next),
      deadline_(loop, [this] { Refuse(CloseReason::kHandshakeTimedOut); }) {}

void ProxyReception::Start() {
  began_ = loop_.now();
  deadline_.Set(service_->told.timeouts.handshake);
  auto watch = loop_.Add(
      accepted_.fd.get(), EPOLLIN | EPOLLRDHUP | EPOLLET,
      [this](uint32_t events) { Read((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0); });
  if (!watch.ok()) return clients_.End(*this, CloseReason::kClientBrokeOff);
  watch_ = *std::move(watch);
}

void ProxyReception::Read(bool ended) {
  char bytes[kMaxProxyHeaderBytes];
  ssize_t count;
  do {
    count = ::recv(accepted_.fd.get(), bytes, sizeof(bytes), MSG_PEEK);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) return;
  if (count < 0) return clients_.End(*this, CloseReason::kClientBrokeOff);
  // Connects and leaves: somebody's check of whether koi is there.
  if (count == 0) return clients_.End(*this, CloseReason::kClientLeft);

  ProxyHeader header;
  const ProxyParseResult result = ReadProxyHeader({bytes, static_cast<size_t>(count)}, header);
  switch (result.state) {
    case ProxyParse::kDone: return GoOn(result.bytes, header);
    case ProxyParse::kMore:
      if (ended) Refuse(CloseReason::kProxyHeader);
      return;
    case ProxyParse::kBad: return Refuse(CloseReason::kProxyHeader);
  }
}

void ProxyReception::Refuse(CloseReason reason) {
  AccessLog* const log = service_->told.access_log ? clients_.access_log() : nullptr;
  if (log != nullptr) {
    AccessRecord record;
    record.accepted = record.begun = began_;
    // No pool was chosen yet, and the address is the proxy's own.
    record.members = AccessMembers(
        {.client = accepted_.peer, .vip = accepted_.local, .service = service_->told.name});
    log->Write(service_->told.number, record, {.now = loop_.now(), .reason = reason});
  }
  clients_.End(*this, reason);
}

void ProxyReception::GoOn(size_t header_bytes, const ProxyHeader& header) {
  char bytes[kMaxProxyHeaderBytes];
  const ssize_t taken = ::recv(accepted_.fd.get(), bytes, header_bytes, 0);
  if (taken != static_cast<ssize_t>(header_bytes)) {  // it was there a moment ago
    return clients_.End(*this, CloseReason::kClientBrokeOff);
  }
  watch_.Stop();
  clients_.Replace(*this, next_(std::move(accepted_), service_, header));
}

}  // namespace koi
