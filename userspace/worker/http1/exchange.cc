// SPDX-License-Identifier: Apache-2.0
// Request there, response back: their course, and how it ends.
#include "worker/http1/exchange.h"

#include "base/check.h"
#include "worker/access/log_access.h"

namespace koi {

Exchange::Exchange(Backends& backends, ClientStream& client, ExchangeOwner& owner,
                   const WorkerService& service, const RequestHead& head, const RequestPlan& plan)
    : backends_(backends),
      client_(client),
      owner_(owner),
      pool_(service.pool),
      head_limits_(HeadLimitsOf(service.limits)),
      body_limit_(service.limits.body_bytes),
      response_timeout_(backends.Settings(service.pool)->told.timeouts.response),
      tunnel_timeout_(service.timeouts.tunnel),
      idempotent_(head.is_idempotent()),
      to_head_(head.is_head()),
      client_minor_version_(head.minor_version),
      chunked_request_(head.fields.chunked),
      awaits_continue_(head.expects_continue),
      trailers_to_client_(head.takes_trailers),
      upgrade_(plan.upgrade),
      server_name_(backends.AskedName(service.pool, client.stream, head.host)),
      request_id_(plan.return_request_id ? plan.request_id : ""),
      request_body_(head.framing(), head.fields.content_length.value_or(0)),
      keep_alive_(head.keep_alive()),
      began_(backends.loop.now()),
      pace_(service.timeouts.body, service.limits.body_rate) {
  WriteRequestHead(head, plan, request_head_);
  BeginConnect(Connector::Reuse::kAllowed);
}

void Exchange::BeginConnect(Connector::Reuse reuse) {
  connector_.emplace(backends_, owner_, pool_, reuse);
  connector_->SetServer(server_name_, TlsProtocol::kHttp1);
  const SendProxy version = backends_.Settings(pool_)->told.send_proxy;
  if (version != SendProxy::kOff) connector_->SetPreface(owner_.ProxyHeaderFor(version));
}

Exchange::Outcome Exchange::Advance() {
  bool any = false;
  if (client_.stream.broken()) return ClientFailed();
  for (int round = 0; round < kRoundsPerWakeup; ++round) {
    moved_ = false;
    const Outcome outcome = Step();
    if (outcome != Outcome::kAgain) return outcome;
    any |= moved_;
    if (!moved_) {
      NoteWaiting(any);
      return Outcome::kAgain;
    }
  }
  NoteWaiting(any);
  // No event will tell of what is left to do: it was there all the time.
  next_turn_ = backends_.loop.At(backends_.loop.now(), [this] { owner_.Wake(); });
  return Outcome::kAgain;
}

Exchange::Outcome Exchange::Step() {
  if (connector_.has_value()) return Connect();
  return tunnel_.has_value() ? Relay() : Transfer();
}

Exchange::Party Exchange::WaitsFor() const {
  if (connector_.has_value()) return Party::kConnector;
  if (tunnel_.has_value()) return Party::kTunnel;
  if (!client_takes_) return Party::kClient;
  if (request_passed_ || request_given_up_ || !to_backend_.empty()) return Party::kBackend;
  // It may wait to be told that its body is welcome.
  const bool must_send = !awaits_continue_ || body_consumed_;
  return must_send ? Party::kClient : Party::kBackend;
}

void Exchange::NoteWaiting(bool moved) {
  const TimePoint now = backends_.loop.now();
  const Party party = WaitsFor();
  pace_.Note(now, party == Party::kClient, client_bytes_ + client_.stream.flushed());
  if (moved || party != party_) {
    due_ = now + (party == Party::kTunnel ? tunnel_timeout_ : response_timeout_);
  }
  party_ = party;
}

TimePoint Exchange::due() const {
  switch (party_) {
    case Party::kConnector: return TimePoint::max();  // it has times of its own
    case Party::kClient: return pace_.due();
    case Party::kBackend:
    case Party::kTunnel: return due_;
  }
  KOI_UNREACHABLE();
}

void Exchange::Abort() {
  client_.stream.Abort();
  if (tunnel_.has_value()) tunnel_->Abort();
}

Exchange::Outcome Exchange::Connect() {
  const Connector::Outcome outcome = connector_->Advance();
  // Nothing has begun for it: whoever has ended its side meanwhile has left.
  if (connector_->queued() && client_.stream.peer_ended()) return ClientFailed();
  switch (outcome) {
    case Connector::Outcome::kAgain: return Outcome::kAgain;
    case Connector::Outcome::kConnected:
      backend_ = connector_->Take();
      if (client_.access != nullptr) NoteConnector(*connector_, &*backend_, *client_.access);
      connected_ = backends_.loop.now();
      connector_.reset();
      to_backend_.Append(request_head_);
      moved_ = true;
      return Outcome::kAgain;
    case Connector::Outcome::kNoBackend: return Unreached(outcome, 503, "No backend is available.");
    case Connector::Outcome::kRefused:
      return Unreached(outcome, 502, "No backend could be reached.");
    case Connector::Outcome::kTlsFailed:
      return Unreached(outcome, 502, "TLS with the backend failed.");
    case Connector::Outcome::kTimedOut:
      return Unreached(outcome, 504, "No backend could be reached.");
    case Connector::Outcome::kQueueFull:
      return Unreached(outcome, 503, "Too many wait for a backend.");
    case Connector::Outcome::kQueueTimedOut:
      return Unreached(outcome, 503, "No backend was free in time.");
  }
  KOI_UNREACHABLE();
}

Exchange::Outcome Exchange::Unreached(Connector::Outcome how, int status,
                                      absl::string_view explanation) {
  if (client_.access != nullptr) NoteConnector(*connector_, nullptr, *client_.access);
  return Unanswered(status, ReasonOf(how), explanation);
}

void Exchange::Reconnect() {
  if (client_.access != nullptr) ++client_.access->retries;
  backend_->counters().Retry();
  backend_.reset();
  to_backend_.Clear();
  request_given_up_ = false;
  // Others in the pool may be as stale.
  BeginConnect(Connector::Reuse::kForbidden);
  moved_ = true;
}

Exchange::Outcome Exchange::Transfer() {
  if (!response_passed_) {
    Outcome outcome = MoveRequest();
    if (outcome == Outcome::kAgain) outcome = MoveResponse();
    if (outcome != Outcome::kAgain) return outcome;
  }
  const size_t before = client_.out.size();
  const Io flushed = client_.Flush(moved_);
  if (flushed == Io::kFailed || flushed == Io::kClosed) return ClientFailed();
  client_takes_ = flushed == Io::kDone;
  client_bytes_ += before - client_.out.size();
  if (!response_passed_ || flushed != Io::kDone) return Outcome::kAgain;
  client_.counters().Ended(backends_.loop.now() - began_);
  return Outcome::kDone;
}

Exchange::Outcome Exchange::Relay() {
  switch (tunnel_->Advance()) {
    case Tunnel::Outcome::kAgain: return Outcome::kAgain;
    case Tunnel::Outcome::kMoved: moved_ = true; return Outcome::kAgain;
    case Tunnel::Outcome::kEnded:
      client_.counters().Ended(backends_.loop.now() - began_);
      return Outcome::kEnded;
    case Tunnel::Outcome::kClientFailed: tunnel_->Abort(); return ClientFailed();
    case Tunnel::Outcome::kBackendFailed:
      tunnel_->Abort();
      reason_ = CloseReason::kBackendBrokeOff;
      return Outcome::kBrokenOff;
  }
  KOI_UNREACHABLE();
}

// A connection that lay idle may have been closed by its backend just before we wrote. RFC 9112
// 9.3.1: then, and only then, the request may be sent again.
bool Exchange::MayRetry() const {
  if (!backend_->reused() || anything_received_ || body_consumed_) return false;
  return !backend_->written() || idempotent_;
}

Exchange::Outcome Exchange::Expire() {
  if (party_ == Party::kTunnel) {
    tunnel_->Abort();
    reason_ = CloseReason::kTunnelTimedOut;
    return Outcome::kBrokenOff;
  }
  const bool client = party_ == Party::kClient;
  if (!client && backend_ != nullptr) backend_->CountError();
  if (head_taken_) {
    reason_ = !client         ? CloseReason::kBackendTimedOut
              : client_takes_ ? CloseReason::kBodyTimedOut
                              : CloseReason::kClientStalled;
    return Outcome::kBrokenOff;
  }
  if (client) return Unanswered(408, CloseReason::kBodyTimedOut, "The body did not arrive.");
  return Unanswered(504, CloseReason::kBackendTimedOut, "The backend did not answer in time.");
}

Exchange::Outcome Exchange::Unanswered(int status, CloseReason reason,
                                       absl::string_view explanation) {
  if (status >= 500) client_.counters().Error();
  reason_ = reason;
  status_ = status;
  explanation_ = explanation;
  keep_alive_ = keep_alive_ && owner_.MayGoOn();
  backend_.reset();
  return Outcome::kUnanswered;
}

Exchange::Outcome Exchange::ClientFailed() {
  reason_ = CloseReason::kClientBrokeOff;
  return Outcome::kClientFailed;
}

Exchange::Outcome Exchange::BackendFailed(CloseReason reason, absl::string_view explanation) {
  backend_->CountError();
  if (!head_taken_) return Unanswered(502, reason, explanation);
  reason_ = reason;
  client_.counters().Error();
  return Outcome::kBrokenOff;
}

}  // namespace koi
