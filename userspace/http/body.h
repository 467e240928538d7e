// SPDX-License-Identifier: Apache-2.0
// Where an HTTP/1 body ends, and which of its bytes are data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "http/head.h"

namespace koi {

class BodyDecoder {
 public:
  // Of the bytes of a size line that are no size: extensions mean nothing to anybody.
  static constexpr size_t kMaxExtensionBytes = 256;
  static constexpr size_t kMaxTrailerBytes = 8'192;

  struct Piece {
    size_t consumed = 0;     // of the input
    absl::string_view data;  // the part of it that is data
  };

  BodyDecoder() : BodyDecoder(Framing::kNone, 0) {}
  BodyDecoder(Framing framing, uint64_t length);

  // Takes from the front of `input` framing and at most one run of data. kMore: call again with
  // what follows `piece.consumed`, or when there is more; kDone: the body ends there; kBad: a
  // framing that koi would not have written. Extensions are taken and dropped.
  Parse Decode(absl::string_view input, Piece& piece);
  // The sender closed its side: kDone if that may be the end, else kBad.
  Parse End() const { return done() || state_ == State::kUntilClose ? Parse::kDone : Parse::kBad; }

  // How much data follows with nothing in between: so much may be read to where it goes, without
  // Decode(), and told by Passed(). 0: unknown.
  uint64_t run() const { return state_ == State::kLength ? left_ : 0; }
  void Passed(uint64_t bytes) {
    left_ -= bytes;
    if (left_ == 0) state_ = State::kDone;
  }

  bool done() const { return state_ == State::kDone; }
  // Once done: the lines behind a chunked body, each a token, a colon, a value without control
  // characters and CR LF. "" where there are none.
  absl::string_view trailers() const { return trailers_; }

 private:
  enum class State {
    kLength,      // `left_` bytes of data, then the end
    kUntilClose,  // data without end
    kSize,        // digits of a chunk's size
    kExtension,   // after the ';' that follows the size
    kSizeLf,      // the CR of the size line was there
    kChunk,       // `left_` bytes of data, then CR LF
    kChunkCr,
    kChunkLf,
    kTrailer,      // at the start of a trailer line, or of the empty line
    kTrailerName,  // inside one, before its colon
    kTrailerLine,  // behind it
    kTrailerLf,
    kLastLf,
    kDone,
  };
  // The state after one byte of framing; false: it must not be there.
  bool Take(char byte);
  bool TakeSizeByte(char byte);
  bool TakeTrailerByte(char byte);

  State state_;
  uint64_t left_;
  size_t digits_ = 0;  // of the size
  size_t extra_ = 0;   // bytes of the extension
  std::string trailers_;
};

}  // namespace koi
