// SPDX-License-Identifier: Apache-2.0
// Request there, response back.
#include "worker/http1/exchange.h"

#include "base/check.h"

namespace koi {
namespace {

// A chunk of no bytes would be the last one.
void AppendData(absl::string_view data, bool chunked, Buffer& out) {
  if (data.empty()) return;
  if (chunked) out.Append(ChunkHead(data.size()));
  out.Append(data);
  if (chunked) out.Append(kChunkEnd);
}

}  // namespace

Exchange::Exchange(Backends& backends, ClientStream& client, ExchangeOwner& owner, uint32_t pool,
                   const RequestHead& head, const ClientFacts& facts)
    : backends_(backends),
      client_(client),
      owner_(owner),
      pool_(pool),
      idempotent_(head.is_idempotent()),
      to_head_(head.is_head()),
      client_minor_version_(head.minor_version),
      chunked_request_(head.fields.chunked),
      request_body_(head.framing(), head.fields.content_length.value_or(0)),
      keep_alive_(head.keep_alive()) {
  WriteRequestHead(head, facts, request_head_);
  connector_.emplace(backends_, owner_, pool_, Connector::Reuse::kAllowed);
}

Exchange::Outcome Exchange::Advance() {
  bool any = false;
  if (client_.stream.broken()) return ClientFailed();
  for (int round = 0; round < kRoundsPerWakeup; ++round) {
    moved_ = false;
    const Outcome outcome = connector_.has_value() ? Connect() : Transfer();
    if (outcome != Outcome::kAgain) return outcome;
    if (!moved_) {
      moved_ = any;
      return Outcome::kAgain;
    }
    any = true;
  }
  // No event will tell of what is left to do: it was there all the time.
  next_turn_ = backends_.loop.At(backends_.loop.now(), [this] { owner_.Wake(); });
  return Outcome::kAgain;
}

Exchange::Outcome Exchange::Connect() {
  switch (connector_->Advance()) {
    case Connector::Outcome::kAgain: return Outcome::kAgain;
    case Connector::Outcome::kConnected:
      backend_ = connector_->Take();
      connector_.reset();
      to_backend_.Append(request_head_);
      moved_ = true;
      return Outcome::kAgain;
    case Connector::Outcome::kNoBackend:
      return Unanswered(503, CloseReason::kNoBackend, "No backend is available.");
    case Connector::Outcome::kRefused:
      return Unanswered(502, CloseReason::kBackendRefused, "No backend could be reached.");
    case Connector::Outcome::kTimedOut:
      return Unanswered(504, CloseReason::kBackendUnreachable, "No backend could be reached.");
  }
  KOI_UNREACHABLE();
}

void Exchange::Reconnect() {
  backend_.reset();
  to_backend_.Clear();
  request_given_up_ = false;
  // Others in the pool may be as stale.
  connector_.emplace(backends_, owner_, pool_, Connector::Reuse::kForbidden);
  moved_ = true;
}

Exchange::Outcome Exchange::Transfer() {
  if (!response_passed_) {
    Outcome outcome = MoveRequest();
    if (outcome == Outcome::kAgain) outcome = MoveResponse();
    if (outcome != Outcome::kAgain) return outcome;
  }
  const Io flushed = client_.Flush(moved_);
  if (flushed == Io::kFailed || flushed == Io::kClosed) return ClientFailed();
  return response_passed_ && flushed == Io::kDone ? Outcome::kDone : Outcome::kAgain;
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
    AppendData(piece.data, chunked_request_, to_backend_);
    client_.in.Take(piece.consumed);
    body_consumed_ = true;
    moved_ = true;
  }
  if (!request_body_.done()) return Outcome::kAgain;
  if (chunked_request_) to_backend_.Append(kLastChunk);
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
    if (decoded != Outcome::kAgain || response_passed_) return decoded;
    if (client_.out.full()) break;
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
  const ParseResult parsed = ReadResponseHead(from_backend_.bytes(), kHeadLimits, scanner_, head);
  if (parsed.state == Parse::kMore) return Outcome::kAgain;
  if (parsed.state == Parse::kBad)
    return BackendFailed(CloseReason::kBackendMalformed, "The backend's response is malformed.");
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
  // koi forwards no Upgrade, so a 101 answers what nobody asked.
  if (head.status == 101)
    return BackendFailed(CloseReason::kBackendMalformed, "The backend switched protocols unasked.");
  if (++interim_responses_ > kInterimResponses) {
    return BackendFailed(CloseReason::kBackendMalformed,
                         "The backend sent too many interim responses.");
  }
  if (client_minor_version_ == 0) return Outcome::kAgain;  // HTTP/1.0 knows none
  std::string text;
  WriteResponseHead(head, {}, text);
  client_.out.Append(text);
  return Outcome::kAgain;
}

void Exchange::TakeFinal(const ResponseHead& head) {
  head_taken_ = true;
  const Framing framing = head.framing(to_head_);
  response_body_ = BodyDecoder(framing, head.fields.content_length.value_or(0));
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
                     .client_minor_version = client_minor_version_},
                    text);
  client_.out.Append(text);
  backend_->CountRequest();
  backends_.counters.Request();
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

Exchange::Outcome Exchange::ReadResponse() {
  if (from_backend_.full()) return Outcome::kAgain;
  size_t room = 0;
  char* at = from_backend_.Room(room);
  size_t got = 0;
  const Io io = backend_->Read(at, room, got);
  from_backend_.Added(got);
  if (io == Io::kAgain) return Outcome::kAgain;
  if (io != Io::kDone) return ResponseEnded(io);
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
  if (framing_ == Framing::kChunked) client_.out.Append(kLastChunk);
  response_passed_ = true;
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

Exchange::Outcome Exchange::Expire() {
  if (head_taken_) {
    reason_ = client_.out.empty() ? CloseReason::kBackendTimedOut : CloseReason::kTimedOut;
    return Outcome::kBrokenOff;
  }
  if (!request_body_.done() && to_backend_.empty() && backend_ != nullptr) {
    return Unanswered(408, CloseReason::kTimedOut, "The request's body did not arrive.");
  }
  if (backend_ != nullptr) backend_->CountError();
  return Unanswered(504, CloseReason::kBackendTimedOut, "The backend did not answer in time.");
}

Exchange::Outcome Exchange::Unanswered(int status, CloseReason reason,
                                       absl::string_view explanation) {
  if (status >= 500) backends_.counters.Error();
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
  backends_.counters.Error();
  return Outcome::kBrokenOff;
}

}  // namespace koi
