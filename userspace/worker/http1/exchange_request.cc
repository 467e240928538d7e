// SPDX-License-Identifier: Apache-2.0
// The request of an exchange, from the client to the backend.
#include "worker/http1/chunks.h"
#include "worker/http1/exchange.h"

namespace koi {

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

Exchange::Outcome Exchange::BodyTooLarge() {
  keep_alive_ = false;
  reason_ = CloseReason::kTooLarge;
  if (head_taken_) return Outcome::kClientFailed;
  return Unanswered(413, CloseReason::kTooLarge, "The request's body is too large.");
}

}  // namespace koi
