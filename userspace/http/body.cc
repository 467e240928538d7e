// SPDX-License-Identifier: Apache-2.0
// Body framing, byte by byte; data in runs.
#include "http/body.h"

#include <algorithm>

#include "base/check.h"

namespace koi {
namespace {

// The value of a hexadecimal digit, or -1.
int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

}  // namespace

BodyDecoder::BodyDecoder(Framing framing, uint64_t length) : state_(State::kDone), left_(length) {
  switch (framing) {
    case Framing::kNone: break;
    case Framing::kLength: state_ = length > 0 ? State::kLength : State::kDone; break;
    case Framing::kChunked: state_ = State::kSize; break;
    case Framing::kUntilClose: state_ = State::kUntilClose; break;
  }
  if (framing != Framing::kLength) left_ = 0;
}

Parse BodyDecoder::Decode(absl::string_view input, Piece& piece) {
  piece = {};
  while (!done() && piece.consumed < input.size()) {
    const absl::string_view rest = input.substr(piece.consumed);
    if (state_ == State::kLength || state_ == State::kChunk) {
      piece.data = rest.substr(0, std::min<uint64_t>(left_, rest.size()));
      piece.consumed += piece.data.size();
      left_ -= piece.data.size();
      if (left_ == 0) state_ = state_ == State::kLength ? State::kDone : State::kChunkCr;
      break;
    }
    if (state_ == State::kUntilClose) {
      piece.data = rest;
      piece.consumed += rest.size();
      break;
    }
    if (!Take(rest[0])) return Parse::kBad;
    ++piece.consumed;
  }
  return done() ? Parse::kDone : Parse::kMore;
}

bool BodyDecoder::Take(char byte) {
  switch (state_) {
    case State::kSize:
    case State::kExtension:
    case State::kSizeLf: return TakeSizeByte(byte);
    case State::kChunkCr: state_ = State::kChunkLf; return byte == '\r';
    case State::kChunkLf: state_ = State::kSize; return byte == '\n';
    case State::kTrailer:
    case State::kTrailerName:
    case State::kTrailerLine:
    case State::kTrailerLf: return TakeTrailerByte(byte);
    case State::kLastLf: state_ = State::kDone; return byte == '\n';
    case State::kLength:
    case State::kUntilClose:
    case State::kChunk:
    case State::kDone: break;
  }
  KOI_UNREACHABLE();
}

bool BodyDecoder::TakeSizeByte(char byte) {
  if (state_ == State::kSizeLf) {
    digits_ = 0;
    extra_ = 0;
    state_ = left_ > 0 ? State::kChunk : State::kTrailer;
    return byte == '\n';
  }
  if (byte == '\r' && digits_ > 0) {
    state_ = State::kSizeLf;
    return true;
  }
  if (state_ == State::kExtension) return !IsControl(byte) && ++extra_ <= kMaxExtensionBytes;
  if (byte == ';' && digits_ > 0) {
    state_ = State::kExtension;
    return true;
  }
  constexpr size_t kMostDigits = 15;  // 60 bits: no sum of two overflows
  const int value = HexValue(byte);
  if (value < 0 || ++digits_ > kMostDigits) return false;
  left_ = left_ << 4 | static_cast<uint64_t>(value);
  return true;
}

bool BodyDecoder::TakeTrailerByte(char byte) {
  if (state_ == State::kTrailer && byte == '\r') {
    state_ = State::kLastLf;
    return true;
  }
  trailers_.push_back(byte);
  if (trailers_.size() > kMaxTrailerBytes) return false;
  switch (state_) {
    case State::kTrailer: state_ = State::kTrailerName; return IsToken({&byte, 1});
    case State::kTrailerName:
      if (byte == ':') state_ = State::kTrailerLine;
      return byte == ':' || IsToken({&byte, 1});
    case State::kTrailerLine:
      if (byte == '\r') state_ = State::kTrailerLf;
      return byte == '\r' || !IsControl(byte);
    default: state_ = State::kTrailer; return byte == '\n';  // kTrailerLf
  }
}

}  // namespace koi
