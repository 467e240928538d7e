// SPDX-License-Identifier: Apache-2.0
// Handshake, connect, relay.
#include "worker/tcp/tcp_connection.h"

#include "base/check.h"
#include "tls/client_hello.h"
#include "worker/access/log_access.h"
#include "worker/backend/proxy_preface.h"

namespace koi {

TcpConnection::TcpConnection(Backends& backends, ClientSet& clients, const ServiceTable& services,
                             std::shared_ptr<const Service> service, const Endpoint& listen,
                             Stream stream, const ClientFacts& facts)
    : backends_(backends),
      clients_(clients),
      services_(services),
      service_(std::move(service)),
      listen_(listen),
      facts_(facts),
      client_(std::move(stream), service_->counters),
      deadline_(backends.loop,
                [this] {
                  state_ = Expire();
                  Advance();
                }),
      up_(backends.pipes),
      down_(backends.pipes) {
  BeginAccess(*service_, backends_.loop.now(), client_);
}

void TcpConnection::Start() {
  began_ = backends_.loop.now();
  deadline_.Set(service_->told.timeouts.handshake);
  const absl::Status watched = client_.Watch(backends_.loop, *this);
  if (!watched.ok()) state_ = Close(CloseReason::kClientBrokeOff);
  Advance();
}

bool TcpConnection::Offered() const {
  const std::shared_ptr<const Service> now = services_.Find(listen_);
  return now != nullptr && now->told.mode == ServiceMode::kTcp &&
         now->told.tls == service_->told.tls;
}

void TcpConnection::Reconsider() {
  if (!clients_.draining() && Offered()) return drain_limit_.Cancel();
  if (drain_limit_.pending()) return;
  const TimePoint end = backends_.loop.now() + service_->told.timeouts.drain;
  drain_limit_ = backends_.loop.At(end, [this] {
    Abort();
    state_ = Close(CloseReason::kCut);
    Advance();
  });
}

void TcpConnection::Advance() {
  for (State next = Step(); next != state_; next = Step()) state_ = next;
  if (state_ != State::kClosed) return;
  Log(reason_);
  if (backend_ != nullptr) {
    const TimePoint now = backends_.loop.now();
    client_.counters().Ended(now - began_);
    backend_->counters().Ended(now - connected_);
  }
  clients_.End(*this, reason_);
}

TcpConnection::State TcpConnection::Step() {
  switch (state_) {
    case State::kHandshake: return Handshake();
    case State::kHello: return Hello();
    case State::kConnect: return Connect();
    case State::kRelay: return Relay();
    case State::kClosed: return State::kClosed;
  }
  KOI_UNREACHABLE();
}

TcpConnection::State TcpConnection::Handshake() {
  switch (client_.Handshake()) {
    case Io::kDone:
      if (client_.access != nullptr && facts_.tls) {
        client_.access->handshaken = backends_.loop.now();
      }
      if (service_->told.tls == TlsMode::kPassthrough) return State::kHello;
      return BeginConnect(service_->told.pool, "");
    case Io::kAgain: return State::kHandshake;
    case Io::kClosed:
    case Io::kFailed: return Close(client_.HandshakeReason());
  }
  KOI_UNREACHABLE();
}

// What is read here goes to the backend as it came.
TcpConnection::State TcpConnection::Hello() {
  for (;;) {
    std::string name;
    switch (ReadClientHello(client_.in.bytes(), name)) {
      case HelloParse::kBad: return Close(CloseReason::kHandshakeFailed);
      case HelloParse::kMore: break;
      case HelloParse::kDone: {
        const std::optional<uint32_t> pool = service_->routes.Find(name);
        if (pool.has_value()) return BeginConnect(*pool, name);
        if (!service_->told.routes_only) return BeginConnect(service_->told.pool, name);
        client_.counters().Error();
        return Close(CloseReason::kNoRoute);
      }
    }
    switch (client_.Fill()) {
      case Io::kDone: break;
      case Io::kAgain: return State::kHello;
      case Io::kClosed:
        return Close(client_.in.empty() ? CloseReason::kClientLeft : CloseReason::kHandshakeFailed);
      case Io::kFailed: return Close(CloseReason::kClientBrokeOff);
    }
  }
}

TcpConnection::State TcpConnection::BeginConnect(uint32_t pool, absl::string_view server_name) {
  if (client_.access != nullptr) {
    NameAccess(backends_, *service_, pool, facts_, client_.stream, server_name, *client_.access);
  }
  deadline_.Set(service_->told.timeouts.tunnel);
  Waker& self = *this;  // a private base, which emplace() could not reach
  connector_.emplace(backends_, self, pool, Connector::Reuse::kForbidden);
  connector_->SetServer(backends_.AskedName(pool, client_.stream, ""), TlsProtocol::kAny);
  const SendProxy version = backends_.Settings(pool)->told.send_proxy;
  if (version != SendProxy::kOff) {
    connector_->SetPreface(ProxyPreface(version, facts_, client_.stream, server_name));
  }
  return State::kConnect;
}

TcpConnection::State TcpConnection::Connect() {
  if (client_.stream.broken()) return Close(CloseReason::kClientBrokeOff);
  const Connector::Outcome outcome = connector_->Advance();
  // Nothing has begun for it: whoever has ended its side meanwhile has left.
  if (connector_->queued() && client_.stream.peer_ended()) {
    return Close(CloseReason::kClientBrokeOff);
  }
  switch (outcome) {
    case Connector::Outcome::kAgain: return State::kConnect;
    case Connector::Outcome::kConnected:
      backend_ = connector_->Take();
      if (client_.access != nullptr) NoteConnector(*connector_, &*backend_, *client_.access);
      backend_->CountRequest();
      connected_ = backends_.loop.now();
      client_.counters().Request(0);
      return State::kRelay;
    case Connector::Outcome::kNoBackend:
    case Connector::Outcome::kRefused:
    case Connector::Outcome::kTimedOut:
    case Connector::Outcome::kTlsFailed:
    case Connector::Outcome::kQueueFull:
    case Connector::Outcome::kQueueTimedOut:
      client_.counters().Error();
      if (client_.access != nullptr) NoteConnector(*connector_, nullptr, *client_.access);
      return Close(ReasonOf(outcome));
  }
  KOI_UNREACHABLE();
}

TcpConnection::State TcpConnection::Relay() {
  for (int round = 0; round < kRoundsPerWakeup; ++round) {
    const Io up = MoveUp();
    const Io down = up == Io::kFailed ? up : MoveDown();
    if (down == Io::kFailed) {
      // What either end has got so far must not pass for all there is.
      Abort();
      return Close(reason_);
    }
    if (up_.passed && down_.passed) return Close(CloseReason::kFinished);
    if (up == Io::kAgain && down == Io::kAgain) {
      client_.in.Release();
      client_.out.Release();
      return State::kRelay;
    }
    deadline_.Set(service_->told.timeouts.tunnel);
  }
  // No event will tell of what is left to do: it was there all the time.
  next_turn_ = backends_.loop.At(backends_.loop.now(), [this] { Advance(); });
  return State::kRelay;
}

void TcpConnection::Cut() {
  Log(CloseReason::kCut);
  Abort();
}

void TcpConnection::Log(CloseReason reason) {
  if (client_.access != nullptr) {
    LogAccess(clients_, backends_, service_.get(), facts_, client_, reason);
  }
}

void TcpConnection::Abort() {
  client_.stream.Abort();
  if (backend_ != nullptr) backend_->Abort();
}

Io TcpConnection::MoveUp() {
  if (up_.splice.active()) return SpliceUp();
  Io result = Io::kAgain;
  if (!up_.ended) {
    const size_t before = client_.in.size();
    result = client_.Fill();
    if (client_.access != nullptr) client_.access->bytes_in += client_.in.size() - before;
    if (result == Io::kDone) up_.bulk = client_.in.full();
    if (result == Io::kFailed) return Broken(CloseReason::kClientBrokeOff);
    if (result == Io::kClosed) up_.ended = true;
  }
  const Io written = WriteUp();
  if (written == Io::kFailed) return Broken(CloseReason::kBackendBrokeOff);
  if (up_.bulk && client_.in.empty() && MaySplice()) up_.splice.Begin();
  if (up_.ended && client_.in.empty() && !up_.passed) {
    up_.passed = backend_->Shutdown() != Io::kAgain;
    return Io::kDone;
  }
  return written == Io::kDone || result == Io::kDone ? Io::kDone : Io::kAgain;
}

Io TcpConnection::WriteUp() {
  Io result = Io::kAgain;
  while (!client_.in.empty()) {
    size_t written = 0;
    const Io io = backend_->Write(client_.in.bytes(), written);
    if (io == Io::kAgain) return result;
    if (io != Io::kDone) return Io::kFailed;
    client_.in.Take(written);
    result = Io::kDone;
  }
  return result;
}

Io TcpConnection::MoveDown() {
  if (down_.splice.active()) return SpliceDown();
  Io result = Io::kAgain;
  if (!down_.ended && !client_.out.full()) {
    size_t room = 0;
    char* at = client_.out.Room(room);
    size_t got = 0;
    result = backend_->Read(at, room, got);
    client_.out.Added(got);
    if (client_.access != nullptr && got > 0 && client_.access->first_byte == TimePoint()) {
      client_.access->first_byte = backends_.loop.now();
    }
    if (got > 0) down_.bulk = client_.out.full();
    if (result == Io::kFailed) return Broken(CloseReason::kBackendBrokeOff);
    if (result == Io::kClosed) down_.ended = true;
  }
  bool moved = false;
  const Io flushed = client_.Flush(moved);
  if (flushed == Io::kFailed) return Broken(CloseReason::kClientBrokeOff);
  if (down_.bulk && flushed == Io::kDone && MaySplice()) down_.splice.Begin();
  if (down_.ended && flushed == Io::kDone && !down_.passed) {
    const Io ended = client_.stream.Shutdown();
    down_.passed = ended != Io::kAgain;
    return down_.passed ? Io::kDone : Io::kAgain;
  }
  return result == Io::kDone || moved ? Io::kDone : Io::kAgain;
}

bool TcpConnection::MaySplice() const {
  return !client_.stream.is_tls() && backend_->plain() != nullptr;
}

Io TcpConnection::SpliceUp() {
  const Splice::Moved moved = up_.splice.Move(client_.stream, *backend_->plain());
  if (moved.in > 0) client_.CountIn(moved.in);
  if (client_.access != nullptr) client_.access->bytes_in += moved.in;
  if (moved.out > 0) backend_->CountOut(moved.out);
  if (moved.io == Io::kFailed) {
    return Broken(moved.source_failed ? CloseReason::kClientBrokeOff
                                      : CloseReason::kBackendBrokeOff);
  }
  if (moved.io != Io::kClosed) return moved.io;
  up_.ended = true;
  up_.splice.End();
  return Io::kDone;  // the rest is like any other end
}

Io TcpConnection::SpliceDown() {
  const Splice::Moved moved = down_.splice.Move(*backend_->plain(), client_.stream);
  if (moved.in > 0) backend_->CountIn(moved.in);
  if (moved.out > 0) client_.CountOut(moved.out);
  if (client_.access != nullptr) client_.access->bytes_out += moved.out;
  if (moved.io == Io::kFailed) {
    return Broken(moved.source_failed ? CloseReason::kBackendBrokeOff
                                      : CloseReason::kClientBrokeOff);
  }
  if (moved.io != Io::kClosed) return moved.io;
  down_.ended = true;
  down_.splice.End();
  return Io::kDone;
}

Io TcpConnection::Broken(CloseReason whose) {
  reason_ = whose;
  return Io::kFailed;
}

TcpConnection::State TcpConnection::Expire() {
  const bool handshakes = state_ == State::kHandshake;
  if (!handshakes && state_ != State::kHello) return Close(CloseReason::kTunnelTimedOut);
  if (handshakes) client_.GiveUpHandshake();
  return Close(CloseReason::kHandshakeTimedOut);
}

TcpConnection::State TcpConnection::Close(CloseReason reason) {
  reason_ = reason;
  return State::kClosed;
}

}  // namespace koi
