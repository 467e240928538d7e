// SPDX-License-Identifier: Apache-2.0
// The response of an exchange, from the backend to the client.
#include <algorithm>

#include "absl/strings/match.h"
#include "base/check.h"
#include "worker/access/log_access.h"
#include "worker/http1/chunks.h"
#include "worker/http1/exchange.h"

namespace koi {

Exchange::Outcome Exchange::MoveResponse() {
  // What the client does not take is not read: the backend has to wait. Less is kept for a thousand
  // slow readers if that begins before there is no room.
  if (client_.stream.blocked()) return Outcome::kAgain;
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

}  // namespace koi
