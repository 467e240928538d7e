// SPDX-License-Identifier: Apache-2.0
// The life of an HTTP/1 connection.
#include "worker/http1/http_connection.h"

#include "absl/strings/match.h"
#include "base/check.h"
#include "http/error_page.h"
#include "http/request_id.h"
#include "worker/access/log_access.h"
#include "worker/backend/proxy_preface.h"

namespace koi {

HttpConnection::HttpConnection(Backends& backends, ClientSet& clients, const ServiceTable& services,
                               std::shared_ptr<const Service> service, const Endpoint& listen,
                               Stream stream, const ClientFacts& facts)
    : backends_(backends),
      clients_(clients),
      services_(services),
      service_(std::move(service)),
      listen_(listen),
      revision_(services.revision()),
      client_(std::move(stream), service_->counters),
      facts_(facts),
      deadline_(backends.loop, [this] {
        state_ = Expire();
        Advance();
      }) {
  BeginAccess(*service_, backends_.loop.now(), client_);
}

HttpConnection::~HttpConnection() {
  if (!proxy_header_.empty()) backends_.idle.Forget(proxy_header_);
}

void HttpConnection::Start() {
  deadline_.Set(timeouts().handshake);
  const absl::Status watched = client_.Watch(backends_.loop, *this);
  if (!watched.ok()) state_ = Close(CloseReason::kClientBrokeOff);
  Advance();
}

void HttpConnection::Reconsider() {
  const bool must_end = clients_.draining() || !TakeService();
  if (!must_end) drain_limit_.Cancel();
  if (must_end && !drain_limit_.pending()) {
    drain_limit_ = backends_.loop.At(backends_.loop.now() + timeouts().drain, [this] {
      Cut();
      state_ = Close(CloseReason::kCut);
      Advance();
    });
  }
  Advance();
}

void HttpConnection::Cut() {
  if (exchange_ != nullptr || !client_.in.empty()) Log(CloseReason::kCut);
  client_.stream.Abort();
  if (exchange_ != nullptr) exchange_->Abort();
}

bool HttpConnection::MayGoOn() {
  const uint32_t most = service_->told.limits.requests_per_connection;
  return !clients_.draining() && TakeService() && (most == 0 || requests_ < most);
}

const std::string& HttpConnection::ProxyHeaderFor(SendProxy version) {
  if (proxy_header_version_ != version) {
    proxy_header_version_ = version;
    proxy_header_ = ProxyPreface(version, facts_, client_.stream);
  }
  return proxy_header_;
}

bool HttpConnection::TakeService() {
  if (revision_ != services_.revision()) {
    revision_ = services_.revision();
    std::shared_ptr<const Service> now = services_.Find(listen_);
    offered_ = now != nullptr && now->told.mode == ServiceMode::kHttp &&
               now->tls.has_value() == facts_.tls;
    if (offered_) {
      service_ = std::move(now);
      BeginAccess(*service_, backends_.loop.now(), client_);
    }
  }
  return offered_;
}

void HttpConnection::Advance() {
  // A client may send many small requests at once: others must have their turn between them.
  constexpr int kStatesPerWakeup = 64;
  for (int i = 0; i < kStatesPerWakeup; ++i) {
    const State next = Step();
    if (next == state_) {
      if (state_ == State::kClosed) clients_.End(*this, reason_);
      return;
    }
    state_ = next;
  }
  next_turn_ = backends_.loop.At(backends_.loop.now(), [this] { Advance(); });
}

HttpConnection::State HttpConnection::Step() {
  switch (state_) {
    case State::kHandshake: return Handshake();
    case State::kRequest: return Request();
    case State::kExchange: return Exchanging();
    case State::kRespond: return Respond();
    case State::kLinger: return Linger();
    case State::kClosed: return State::kClosed;
  }
  KOI_UNREACHABLE();
}

HttpConnection::State HttpConnection::Handshake() {
  switch (client_.Handshake()) {
    case Io::kDone:
      if (client_.access != nullptr && facts_.tls) {
        client_.access->handshaken = backends_.loop.now();
      }
      deadline_.Set(timeouts().head);
      NoteClientCertificate();
      return State::kRequest;
    case Io::kAgain: return State::kHandshake;
    case Io::kClosed:
    case Io::kFailed: Log(client_.HandshakeReason()); return Close(client_.HandshakeReason());
  }
  KOI_UNREACHABLE();
}

void HttpConnection::NoteBegin() {
  if (client_.access != nullptr) client_.access->BeginRequest(backends_.loop.now());
}

void HttpConnection::NoteClientCertificate() {
  if (service_->told.tls_options.client_certificates == ClientCertificates::kOff) return;
  const ClientCertificateFacts client = client_.stream.Facts().client;
  if (!client.presented) return;
  WriteClientCertificate(client.subject, client.fingerprint, client_certificate_);
}

HttpConnection::State HttpConnection::Request() {
  // The client has sent it behind the one before.
  if (client_.access != nullptr && client_.access->begun == TimePoint() && !client_.in.empty()) {
    NoteBegin();
  }
  for (;;) {
    RequestHead head;
    const ParseResult parsed =
        ReadRequestHead(client_.in.bytes(), HeadLimitsOf(service_->told.limits), scanner_, head);
    if (parsed.state == Parse::kDone) return BeginRequest(head, parsed.bytes);
    if (parsed.state == Parse::kBad) {
      if (parsed.status == 431) return TooLarge(parsed.status, parsed.reason);
      return Refuse(parsed.status, parsed.reason);
    }

    const bool between_requests = client_.in.empty();
    switch (client_.Fill()) {
      case Io::kDone:
        if (between_requests) {
          deadline_.Set(timeouts().head);
          NoteBegin();
        }
        break;
      case Io::kAgain:
        client_.in.Release();
        client_.out.Release();
        return between_requests ? Idle() : State::kRequest;
      case Io::kClosed:
      case Io::kFailed:
        if (between_requests) return Close(CloseReason::kClientLeft);
        Log(CloseReason::kClientBrokeOff);
        return Close(CloseReason::kClientBrokeOff);
    }
  }
}

// What was just read may not be the last to arrive: a client that has just been answered is likely
// to ask again, and gets an answer that says that it is the last. Whoever has been silent for a
// while is unlikely to do so in the very moment in which koi ends its side; RFC 9112 9.5 asks such
// a client to try again on another connection.
HttpConnection::State HttpConnection::Idle() {
  if (!answered_any_) return State::kRequest;
  const bool may_go_on = MayGoOn();
  const Duration limit = may_go_on ? timeouts().idle : kQuietBeforeEnd;
  const Duration silent = backends_.loop.now() - idle_since_;
  if (silent >= limit) {
    return may_go_on ? Close(CloseReason::kIdleTimedOut) : BeginLinger(CloseReason::kDrained);
  }
  deadline_.Set(limit - silent);
  return State::kRequest;
}

HttpConnection::State HttpConnection::BeginRequest(const RequestHead& head, size_t head_bytes) {
  scanner_.Reset();
  ++requests_;
  to_head_ = head.is_head();
  client_minor_version_ = head.minor_version;
  const bool offered = TakeService();
  if (client_.access != nullptr) {
    client_.access->SetRequest(head.method, head.host, head.target);
    client_.access->bytes_in = head_bytes;
  }
  if (head.unknown_expectation) return Refuse(417, "Only 100-continue is understood.");
  if (!offered) {
    return Answer(CloseReason::kNoService,
                  {.status = 503, .explanation = "This service is no longer offered."});
  }
  const uint64_t body_limit = service_->told.limits.body_bytes;
  if (body_limit != 0 && head.fields.content_length.value_or(0) > body_limit) {
    return TooLarge(413, "The request's body is too large.");
  }
  if (service_->told.redirect_to_https) {
    const State next = Redirect(head);
    client_.in.Take(head_bytes);
    return next;
  }
  if (!service_->told.welcome_page.empty() && backends_.Pool(service_->told.pool).Empty()) {
    const State next = Welcome(head);
    client_.in.Take(head_bytes);
    return next;
  }
  ExchangeOwner& self = *this;  // a private base, which make_unique() could not reach
  exchange_ =
      std::make_unique<Exchange>(backends_, client_, self, service_->told, head, PlanFor(head));
  if (client_.access != nullptr) client_.access->request_id.Set(request_id_);
  client_.in.Take(head_bytes);  // written anew by now
  return State::kExchange;
}

// Whether the service lets a client switch to the protocol that it asks for.
bool HttpConnection::MayUpgrade(const RequestHead& head) const {
  const Upgrades allowed = service_->told.http.upgrade;
  if (head.upgrade.empty() || allowed == Upgrades::kOff) return false;
  if (absl::EqualsIgnoreCase(head.upgrade, "websocket")) return head.method == "GET";
  // Requests of another HTTP would pass by all that koi sees to.
  const bool is_http = absl::StartsWithIgnoreCase(head.upgrade, "h2") ||
                       absl::StartsWithIgnoreCase(head.upgrade, "HTTP/");
  return allowed == Upgrades::kAny && !is_http;
}

// Takes the request id of `head`, if its sender is trusted and it has one, else makes one.
void HttpConnection::ChooseRequestId(const RequestHead& head) {
  if (trusted_) {
    for (const Header& header : head.fields.headers) {
      if (header.kind != FieldKind::kRequestId || !IsRequestId(header.value)) continue;
      request_id_ = std::string(header.value);
      return;
    }
  }
  request_id_ = MakeRequestId();
}

RequestPlan HttpConnection::PlanFor(const RequestHead& head) {
  const HttpOptions& options = service_->told.http;
  const ForwardedStyle style = {.x_forwarded = options.forwarded == ForwardedHeaders::kXForwarded ||
                                               options.forwarded == ForwardedHeaders::kBoth,
                                .rfc7239 = options.forwarded == ForwardedHeaders::kRfc7239 ||
                                           options.forwarded == ForwardedHeaders::kBoth};
  const bool is_new = forwarded_for_ != service_;
  if (is_new) {
    forwarded_for_ = service_;
    trusted_ = AnyContains(service_->told.trusted_proxies, facts_.client.address);
  }
  if (trusted_ && client_.access != nullptr) {
    const auto client = ClientBehind(head.fields.headers, service_->told.trusted_proxies);
    if (client.has_value()) client_.access->forwarded_for.Set(client->ToString());
  }
  if (trusted_ || is_new) forwarded_.clear();
  if (trusted_) {
    ExtendForwarded(head.fields.headers, facts_, style, forwarded_);
  } else if (is_new) {
    WriteForwarded(facts_, style, forwarded_);
  }
  if (trusted_ || is_new) forwarded_ += client_certificate_;
  if (options.request_id != RequestIdHeader::kOff) {
    ChooseRequestId(head);
  } else {
    request_id_.clear();
  }
  if (head.host.empty()) default_host_ = DefaultHost(facts_);
  return {.forwarded = forwarded_,
          .request_id = request_id_,
          .return_request_id = options.request_id == RequestIdHeader::kReturn,
          .upgrade = MayUpgrade(head) ? head.upgrade : absl::string_view(),
          .host = default_host_};
}

HttpConnection::State HttpConnection::Redirect(const RequestHead& head) {
  const std::string location = HttpsLocation(head);
  if (location.empty()) return Refuse(400, "no Host");
  const bool has_body = head.framing() != Framing::kNone;
  return Answer(CloseReason::kFinished, {.status = RedirectStatus(head),
                                         .explanation = location,
                                         .location = location,
                                         .keep_alive = head.keep_alive() && !has_body});
}

HttpConnection::State HttpConnection::Welcome(const RequestHead& head) {
  const bool has_body = head.framing() != Framing::kNone;
  return Answer(CloseReason::kFinished, {.status = 200,
                                         .page = service_->told.welcome_page,
                                         .keep_alive = head.keep_alive() && !has_body});
}

HttpConnection::State HttpConnection::Exchanging() {
  const Exchange::Outcome outcome = exchange_->Advance();
  if (outcome != Exchange::Outcome::kAgain) return EndExchange(outcome);
  const TimePoint due = exchange_->due();
  if (due == TimePoint::max()) {
    deadline_.Cancel();
  } else {
    deadline_.Set(due - backends_.loop.now());
  }
  return State::kExchange;
}

HttpConnection::State HttpConnection::EndExchange(Exchange::Outcome outcome) {
  const bool go_on = exchange_->client_can_go_on();
  const CloseReason reason = exchange_->reason();
  const int status = exchange_->status();
  const absl::string_view explanation = exchange_->explanation();
  exchange_.reset();
  if (outcome != Exchange::Outcome::kUnanswered) {
    if (client_.access != nullptr) client_.access->keep_alive = go_on;
    Log(reason);
  }
  switch (outcome) {
    case Exchange::Outcome::kDone:
      to_head_ = false;
      if (!go_on) return BeginLinger(CloseReason::kFinished);
      BeginIdle();
      return State::kRequest;
    case Exchange::Outcome::kEnded: return Close(CloseReason::kFinished);
    case Exchange::Outcome::kUnanswered:
      return Answer(reason, {.status = status, .explanation = explanation, .keep_alive = go_on});
    case Exchange::Outcome::kBrokenOff:
    case Exchange::Outcome::kClientFailed: client_.stream.Abort(); return Close(reason);
    case Exchange::Outcome::kAgain: break;
  }
  KOI_UNREACHABLE();
}

// Before the next request is read: who sends requests without reading responses waits here.
HttpConnection::State HttpConnection::Respond() {
  switch (client_.Flush()) {
    case Io::kDone: BeginIdle(); return State::kRequest;
    case Io::kAgain: return State::kRespond;
    case Io::kClosed:
    case Io::kFailed: return Close(CloseReason::kClientBrokeOff);
  }
  KOI_UNREACHABLE();
}

HttpConnection::State HttpConnection::Linger() {
  switch (client_.Flush()) {
    case Io::kDone: break;
    case Io::kAgain: return State::kLinger;
    case Io::kClosed:
    case Io::kFailed: return Close(CloseReason::kClientBrokeOff);
  }
  if (!ended_own_side_) {
    const Io ended = client_.stream.Shutdown();
    if (ended == Io::kAgain) return State::kLinger;
    if (ended == Io::kFailed) return Close(reason_);
    ended_own_side_ = true;
  }
  while (lingered_bytes_ < kLingerBytes) {
    lingered_bytes_ += client_.in.size();
    client_.in.Clear();
    const Io io = client_.Fill();
    if (io == Io::kAgain) return State::kLinger;
    if (io != Io::kDone) break;
  }
  return Close(reason_);
}

HttpConnection::State HttpConnection::Expire() {
  switch (state_) {
    case State::kHandshake:
      client_.GiveUpHandshake();
      Log(CloseReason::kHandshakeTimedOut);
      return Close(CloseReason::kHandshakeTimedOut);
    case State::kRequest:
      if (client_.in.empty() && answered_any_) return Idle();
      if (client_.in.empty()) return Close(CloseReason::kIdleTimedOut);
      return Answer(CloseReason::kHeadTimedOut,
                    {.status = 408, .explanation = "The request did not arrive."});
    case State::kExchange: return EndExchange(exchange_->Expire());
    case State::kRespond: return Close(CloseReason::kClientStalled);
    case State::kLinger: return Close(reason_);
    case State::kClosed: return State::kClosed;
  }
  KOI_UNREACHABLE();
}

HttpConnection::State HttpConnection::TooLarge(int status, absl::string_view explanation) {
  return Answer(CloseReason::kTooLarge, {.status = status, .explanation = explanation});
}

HttpConnection::State HttpConnection::Refuse(int status, absl::string_view explanation) {
  return Answer(CloseReason::kMalformedRequest, {.status = status, .explanation = explanation});
}

HttpConnection::State HttpConnection::Answer(CloseReason reason, OwnResponse response) {
  response.keep_alive = response.keep_alive && MayGoOn();
  response.to_head = to_head_;
  response.client_minor_version = client_minor_version_;
  const std::string text = WriteOwnResponse(response);
  client_.out.Append(text);
  if (client_.access != nullptr) {
    client_.access->status = response.status;
    client_.access->keep_alive = response.keep_alive;
    client_.access->bytes_out += text.size();  // which have not gone yet
    Log(reason);
  }
  to_head_ = false;  // the next answer may be to what could not even be parsed
  client_.counters().Request(response.status);
  if (!response.keep_alive) return BeginLinger(reason);
  deadline_.Set(timeouts().body);
  return State::kRespond;
}

void HttpConnection::Log(CloseReason reason) {
  if (client_.access != nullptr) {
    LogAccess(clients_, backends_, service_.get(), facts_, client_, reason);
  }
}

void HttpConnection::BeginIdle() {
  answered_any_ = true;
  idle_since_ = backends_.loop.now();
  deadline_.Set(client_.in.empty() ? timeouts().idle : timeouts().head);
}

HttpConnection::State HttpConnection::BeginLinger(CloseReason reason) {
  reason_ = reason;
  deadline_.Set(kLingerTimeout);
  return State::kLinger;
}

HttpConnection::State HttpConnection::Close(CloseReason reason) {
  reason_ = reason;
  return State::kClosed;
}

}  // namespace koi
