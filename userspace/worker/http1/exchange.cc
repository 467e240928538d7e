// SPDX-License-Identifier: Apache-2.0
// Request there, response back.
#include "worker/http1/exchange.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "base/check.h"
#include "http/trailers.h"
#include "worker/access/log_access.h"

namespace koi {
namespace {

// The end of a chunked body.
void AppendLastChunk(absl::string_view trailers, Buffer& out) {
  if (trailers.empty()) return out.Append(kLastChunk);
  std::string text = "0\r\n";
  WriteTrailers(trailers, text);
  out.Append(text);
}

// A chunk of no bytes would be the last one.
void AppendData(absl::string_view data, bool chunked, Buffer& out) {
  if (data.empty()) return;
  if (chunked) out.Append(ChunkHead(data.size()));
  out.Append(data);
  if (chunked) out.Append(kChunkEnd);
}

}  // namespace

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

Exchange::Outcome Exchange::MoveRequest() {
  if (request_given_up_) return Outcome::kAgain;
  if (!request_passed_) {
    const Outcome outcome = DecodeRequest();
    if (outcome != Outcome::kAgain) return outcome;
  }
  WriteRequest();
  return Outcome::kAgain;
}

Exchange::Outcome Exchange::DecodeRequest() {
  while (!request_body_.done() && !to_backend_.full()) {
    if (client_.in.empty()) {
      const Io io = client_.Fill();
      if (io == Io::kAgain) return Outcome::kAgain;
      if (io != Io::kDone) return ClientFailed();
    }
    BodyDecoder::Piece piece;
    if (request_body_.Decode(client_.in.bytes(), piece) == Parse::kBad) {
      keep_alive_ = false;
      if (head_taken_) return ClientFailed();
      return Unanswered(400, CloseReason::kMalformedRequest, "malformed chunk in the body");
    }
    body_bytes_ += piece.data.size();
    if (body_limit_ != 0 && body_bytes_ > body_limit_) return BodyTooLarge();
    AppendData(piece.data, chunked_request_, to_backend_);
    client_.in.Take(piece.consumed);
    client_bytes_ += piece.consumed;
    if (client_.access != nullptr) client_.access->bytes_in += piece.consumed;
    body_consumed_ = true;
    moved_ = true;
  }
  if (!request_body_.done()) return Outcome::kAgain;
  if (chunked_request_) AppendLastChunk(request_body_.trailers(), to_backend_);
  request_passed_ = true;
  return Outcome::kAgain;
}

void Exchange::WriteRequest() {
  while (!to_backend_.empty()) {
    size_t written = 0;
    const Io io = backend_->Write(to_backend_.bytes(), written);
    if (io == Io::kAgain) return;
    if (io != Io::kDone) {
      // It may have answered before it closed: what it said is still to be read.
      request_given_up_ = true;
      to_backend_.Clear();
      return;
    }
    to_backend_.Take(written);
    moved_ = true;
  }
}

Exchange::Outcome Exchange::MoveResponse() {
  // What the client does not take is not read: the backend has to wait.
  while (!client_.out.full()) {
    const Outcome decoded = DecodeResponse();
    if (decoded != Outcome::kAgain || response_passed_ || tunnel_.has_value()) return decoded;
    if (client_.out.full()) break;
    if (response_body_.run() > 0 && from_backend_.empty()) return ReadBody();
    const size_t before = from_backend_.size();
    const Outcome read = ReadResponse();
    if (read != Outcome::kAgain || from_backend_.size() == before) return read;
  }
  return Outcome::kAgain;
}

// Takes all that is in from_backend_, as far as it can be taken.
Exchange::Outcome Exchange::DecodeResponse() {
  while (!from_backend_.empty() && !client_.out.full() && !response_passed_) {
    const size_t before = from_backend_.size();
    const Outcome outcome = head_taken_ ? TakeBody() : TakeHead();
    if (outcome != Outcome::kAgain) return outcome;
    if (from_backend_.size() == before) break;  // needs more
  }
  return Outcome::kAgain;
}

Exchange::Outcome Exchange::TakeHead() {
  ResponseHead head;
  const ParseResult parsed = ReadResponseHead(from_backend_.bytes(), head_limits_, scanner_, head);
  if (parsed.state == Parse::kMore) return Outcome::kAgain;
  if (parsed.state == Parse::kBad)
    return BackendFailed(CloseReason::kBackendMalformed, "The backend's response is malformed.");
  if (head.status == 101) return SwitchProtocols(head, parsed.bytes);
  if (head.is_interim()) {
    const Outcome outcome = TakeInterim(head);
    if (outcome != Outcome::kAgain) return outcome;
  } else {
    TakeFinal(head);
  }
  scanner_.Reset();
  from_backend_.Take(parsed.bytes);
  moved_ = true;
  if (head_taken_ && response_body_.done()) ReleaseBackend();
  return Outcome::kAgain;
}

Exchange::Outcome Exchange::TakeInterim(const ResponseHead& head) {
  if (++interim_responses_ > kInterimResponses) {
    return BackendFailed(CloseReason::kBackendMalformed,
                         "The backend sent too many interim responses.");
  }
  if (client_minor_version_ == 0) return Outcome::kAgain;  // HTTP/1.0 knows none
  std::string text;
  WriteResponseHead(head, {}, text);
  client_.out.Append(text);
  if (head.status == 100) awaits_continue_ = false;
  return Outcome::kAgain;
}

// What follows the head, and what the client has sent behind its own, is of the new protocol.
Exchange::Outcome Exchange::SwitchProtocols(const ResponseHead& head, size_t head_bytes) {
  if (upgrade_.empty() || !to_backend_.empty() || !absl::EqualsIgnoreCase(head.upgrade, upgrade_)) {
    return BackendFailed(CloseReason::kBackendMalformed,
                         "The backend switched to a protocol that was not asked for.");
  }
  head_taken_ = true;
  if (client_.access != nullptr) client_.access->status = head.status;
  keep_alive_ = false;
  std::string text;
  WriteResponseHead(head, {.request_id = request_id_, .upgrade = upgrade_}, text);
  client_.out.Append(text);
  from_backend_.Take(head_bytes);
  client_.out.Append(from_backend_.bytes());
  from_backend_.Clear();
  from_backend_.Release();
  to_backend_.Release();
  CountResponse(head.status);
  tunnel_.emplace(client_, std::move(backend_));
  moved_ = true;
  return Outcome::kAgain;
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

void Exchange::TakeFinal(const ResponseHead& head) {
  head_taken_ = true;
  if (client_.access != nullptr) client_.access->status = head.status;
  const Framing framing = head.framing(to_head_);
  response_body_ = BodyDecoder(framing, head.fields.content_length.value_or(0));
  trailers_to_client_ = trailers_to_client_ && framing == Framing::kChunked;
  backend_keep_alive_ = head.keep_alive() && framing != Framing::kUntilClose;
  framing_ = framing;
  if (framing == Framing::kUntilClose || framing == Framing::kChunked) {
    framing_ = client_minor_version_ == 1 ? Framing::kChunked : Framing::kUntilClose;
  }
  // Of a request whose body has not ended the client may or may not send the rest: where the next
  // one would begin is then unknown.
  keep_alive_ =
      keep_alive_ && request_body_.done() && framing_ != Framing::kUntilClose && owner_.MayGoOn();
  std::string text;
  WriteResponseHead(head,
                    {.framing = framing_,
                     .keep_alive = keep_alive_,
                     .client_minor_version = client_minor_version_,
                     .trailers = trailers_to_client_,
                     .request_id = request_id_},
                    text);
  client_.out.Append(text);
  CountResponse(head.status);
}

void Exchange::CountResponse(int status) {
  const TimePoint now = backends_.loop.now();
  backend_->counters().Request(status);
  backend_->counters().Responded(now - connected_);
  client_.counters().Request(status);
  client_.counters().Responded(now - began_);
}

Exchange::Outcome Exchange::TakeBody() {
  BodyDecoder::Piece piece;
  if (response_body_.Decode(from_backend_.bytes(), piece) == Parse::kBad) {
    return BackendFailed(CloseReason::kBackendMalformed, "The backend's response is malformed.");
  }
  AppendData(piece.data, framing_ == Framing::kChunked, client_.out);
  from_backend_.Take(piece.consumed);
  moved_ = true;
  if (response_body_.done()) ReleaseBackend();
  return Outcome::kAgain;
}

// Reads what is known to be the body straight to where it goes, more at a time than what has to be
// looked at.
Exchange::Outcome Exchange::ReadBody() {
  from_backend_.Release();
  while (client_.out.size() < kBulkBytes) {
    const size_t run = response_body_.run();
    size_t room = 0;
    char* at = client_.out.Room(room, std::min(kBulkBytes, client_.out.size() + run + 1));
    size_t got = 0;
    // One byte more than there is makes it a short read, which says that no more is there.
    const Io io = backend_->Read(at, room, got);
    if (io == Io::kAgain) return Outcome::kAgain;
    if (io != Io::kDone) return ResponseEnded(io);
    if (got > run) {
      got = run;  // what follows is no response to anything
      backend_keep_alive_ = false;
    }
    client_.out.Added(got);
    response_body_.Passed(got);
    moved_ = true;
    if (!response_body_.done()) continue;
    ReleaseBackend();
    break;
  }
  return Outcome::kAgain;
}

Exchange::Outcome Exchange::ReadResponse() {
  if (from_backend_.full()) return Outcome::kAgain;
  size_t room = 0;
  char* at = from_backend_.Room(room);
  size_t got = 0;
  const Io io = backend_->Read(at, room, got);
  from_backend_.Added(got);
  if (io == Io::kAgain) return Outcome::kAgain;
  if (io != Io::kDone) return ResponseEnded(io);
  if (!anything_received_ && client_.access != nullptr) {
    client_.access->first_byte = backends_.loop.now();
  }
  anything_received_ = true;
  moved_ = true;
  return Outcome::kAgain;
}

Exchange::Outcome Exchange::ResponseEnded(Io how) {
  if (MayRetry()) {
    Reconnect();
    return Outcome::kAgain;
  }
  const bool whole = head_taken_ && how == Io::kClosed && response_body_.End() == Parse::kDone;
  if (!whole)
    return BackendFailed(CloseReason::kBackendBrokeOff, "The backend closed the connection.");
  ReleaseBackend();
  return Outcome::kAgain;
}

// The response is complete. The backend is free for another request, if it is known where that
// one's response would begin.
void Exchange::ReleaseBackend() {
  if (framing_ == Framing::kChunked) {
    AppendLastChunk(trailers_to_client_ ? response_body_.trailers() : "", client_.out);
  }
  response_passed_ = true;
  backend_->counters().Ended(backends_.loop.now() - connected_);
  const bool clean = request_passed_ && !request_given_up_ && to_backend_.empty() &&
                     from_backend_.empty() && backend_keep_alive_;
  if (clean) backends_.idle.Park(std::move(backend_));
  backend_.reset();
  to_backend_.Clear();
  from_backend_.Clear();
}

// A connection that lay idle may have been closed by its backend just before we wrote. RFC 9112
// 9.3.1: then, and only then, the request may be sent again.
bool Exchange::MayRetry() const {
  if (!backend_->reused() || anything_received_ || body_consumed_) return false;
  return !backend_->written() || idempotent_;
}

Exchange::Outcome Exchange::BodyTooLarge() {
  keep_alive_ = false;
  reason_ = CloseReason::kTooLarge;
  if (head_taken_) return Outcome::kClientFailed;
  return Unanswered(413, CloseReason::kTooLarge, "The request's body is too large.");
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
