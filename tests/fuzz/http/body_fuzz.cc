// SPDX-License-Identifier: Apache-2.0
// Any bytes as a chunked body: data, end and refusal must not depend on how the bytes arrive.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "http/body.h"
#include "http/trailers.h"

namespace koi {
namespace {

struct Decoded {
  Parse state = Parse::kMore;
  std::string data;
  size_t consumed = 0;
  std::string trailers;
};

Decoded Decode(absl::string_view input, size_t step) {
  BodyDecoder decoder(Framing::kChunked, 0);
  Decoded decoded;
  for (size_t shown = 0; decoded.state == Parse::kMore && shown < input.size();) {
    shown = shown + step < input.size() ? shown + step : input.size();
    while (decoded.state == Parse::kMore && decoded.consumed < shown) {
      BodyDecoder::Piece piece;
      decoded.state =
          decoder.Decode(input.substr(decoded.consumed, shown - decoded.consumed), piece);
      decoded.consumed += piece.consumed;
      absl::StrAppend(&decoded.data, piece.data);
    }
  }
  decoded.trailers = std::string(decoder.trailers());
  return decoded;
}

}  // namespace
}  // namespace koi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const koi::Decoded whole = koi::Decode(input, input.size() + 1);
  const koi::Decoded pieces = koi::Decode(input, 1 + data[0] % 16);
  KOI_CHECK(whole.state == pieces.state && whole.data == pieces.data);
  KOI_CHECK(whole.state == koi::Parse::kBad || whole.consumed == pieces.consumed);
  KOI_CHECK(whole.data.size() <= input.size());
  if (whole.state != koi::Parse::kDone) return 0;
  // What is passed on of the trailers is, once more, trailers.
  KOI_CHECK(whole.trailers == pieces.trailers);
  std::string written = "0\r\n";
  koi::WriteTrailers(whole.trailers, written);
  const koi::Decoded again = koi::Decode(written, written.size());
  KOI_CHECK(again.state == koi::Parse::kDone && again.consumed == written.size());
  return 0;
}
