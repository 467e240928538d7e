// SPDX-License-Identifier: Apache-2.0
// Head, body, and both written anew.
#include "support/http/judge.h"

#include "absl/strings/str_cat.h"
#include "http/body.h"
#include "http/trailers.h"
#include "http/writer.h"

namespace koi {
namespace {

Parse JudgeBody(absl::string_view bytes, Judged& judged) {
  BodyDecoder decoder(judged.head.framing(), judged.head.fields.content_length.value_or(0));
  const bool chunked = judged.head.fields.chunked;
  while (!decoder.done() && judged.consumed < bytes.size()) {
    BodyDecoder::Piece piece;
    if (decoder.Decode(bytes.substr(judged.consumed), piece) == Parse::kBad) return Parse::kBad;
    judged.consumed += piece.consumed;
    absl::StrAppend(&judged.body, piece.data);
    if (piece.data.empty()) continue;
    if (chunked) absl::StrAppend(&judged.rewritten, ChunkHead(piece.data.size()));
    absl::StrAppend(&judged.rewritten, piece.data);
    if (chunked) absl::StrAppend(&judged.rewritten, kChunkEnd);
  }
  if (!decoder.done()) return Parse::kMore;
  judged.trailers = std::string(decoder.trailers());
  if (chunked) {
    absl::StrAppend(&judged.rewritten, "0\r\n");
    WriteTrailers(judged.trailers, judged.rewritten);
  }
  return Parse::kDone;
}

}  // namespace

Judged JudgeRequest(absl::string_view bytes) {
  Judged judged;
  HeadScanner scanner;
  const ParseResult head = ReadRequestHead(bytes, {}, scanner, judged.head);
  judged.state = head.state;
  judged.status = head.status;
  if (head.state != Parse::kDone) return judged;
  judged.consumed = head.bytes;
  const ClientFacts facts = {.service = {{}, 443}, .tls = true};
  std::string forwarded;
  WriteForwarded(facts, {}, forwarded);
  WriteRequestHead(judged.head, {.forwarded = forwarded, .host = "koi.example"}, judged.rewritten);
  judged.state = JudgeBody(bytes, judged);
  if (judged.state == Parse::kBad) judged.status = 400;
  if (judged.head.unknown_expectation) {
    judged.state = Parse::kBad;
    judged.status = 417;
  }
  return judged;
}

}  // namespace koi
