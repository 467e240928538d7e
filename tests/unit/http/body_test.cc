// SPDX-License-Identifier: Apache-2.0
// Which bytes are data, and where a body ends.
#include "http/body.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

struct Decoded {
  Parse state = Parse::kMore;
  std::string data;
  size_t consumed = 0;
  std::string trailers;
};

// Decodes `input` shown in pieces of `step` bytes.
Decoded Decode(BodyDecoder decoder, absl::string_view input, size_t step) {
  Decoded decoded;
  size_t shown = 0;
  while (decoded.state == Parse::kMore && shown < input.size()) {
    shown = std::min(input.size(), shown + step);
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

TEST(BodyTest, LengthEndsAfterThatManyBytes) {
  const Decoded decoded = Decode(BodyDecoder(Framing::kLength, 5), "helloGET", 3);
  EXPECT_EQ(decoded.state, Parse::kDone);
  EXPECT_EQ(decoded.data, "hello");
  EXPECT_EQ(decoded.consumed, 5u);
}

TEST(BodyTest, NoBodyIsDoneAtOnce) {
  EXPECT_TRUE(BodyDecoder().done());
  EXPECT_TRUE(BodyDecoder(Framing::kLength, 0).done());
}

TEST(BodyTest, OnlyABodyUntilCloseMayEndWithTheConnection) {
  EXPECT_EQ(BodyDecoder(Framing::kUntilClose, 0).End(), Parse::kDone);
  EXPECT_EQ(BodyDecoder(Framing::kLength, 5).End(), Parse::kBad);
  EXPECT_EQ(BodyDecoder(Framing::kChunked, 0).End(), Parse::kBad);
}

TEST(BodyTest, ChunksAreJoinedHoweverTheyArrive) {
  const std::string chunked =
      "5\r\nhello\r\n00a;name=\"value\"\r\n, world, 1\r\n0\r\nTrailer: kept\r\nX:\r\n\r\n";
  for (size_t step = 1; step <= chunked.size() + 4; ++step) {
    SCOPED_TRACE(step);
    const Decoded decoded = Decode(BodyDecoder(Framing::kChunked, 0), chunked + "GET ", step);
    EXPECT_EQ(decoded.state, Parse::kDone);
    EXPECT_EQ(decoded.data, "hello, world, 1");
    EXPECT_EQ(decoded.consumed, chunked.size());
    EXPECT_EQ(decoded.trailers, "Trailer: kept\r\nX:\r\n");
  }
}

TEST(BodyTest, FramingThatKoiWouldNotWriteIsRefused) {
  for (const std::string& chunked : {
           std::string("5\nhello\r\n0\r\n\r\n"),      // bare LF after the size
           std::string("5\rhello\r\n0\r\n\r\n"),      // CR without LF
           std::string("5\r\nhello\n0\r\n\r\n"),      // bare LF after the data
           std::string("5\r\nhello0\r\n\r\n"),        // data longer than its size
           std::string("+5\r\nhello\r\n0\r\n\r\n"),   // a sign
           std::string("0x5\r\nhello\r\n0\r\n\r\n"),  // a prefix
           std::string(" 5\r\nhello\r\n0\r\n\r\n"),   // space before
           std::string("5 \r\nhello\r\n0\r\n\r\n"),   // space after
           std::string("\r\nhello\r\n0\r\n\r\n"),     // no size
           std::string(";x\r\nhello\r\n0\r\n\r\n"),   // an extension of nothing
           std::string("5;\x01\r\nhello\r\n0\r\n\r\n"),
           std::string("5;x\nhello\r\n0\r\n\r\n"),
           std::string("fffffffffffffffff\r\n"),  // more than 60 bits
           std::string("0\r\nX: y\n\r\n"),        // bare LF after a trailer
           std::string("0\r\nX: y\rZ\r\n\r\n"),
           std::string("0\r\n\n"),
           std::string("0\r\nX\r\n\r\n"),           // a trailer without a colon
           std::string("0\r\n: y\r\n\r\n"),         // and without a name
           std::string("0\r\nX : y\r\n\r\n"),       // a space before the colon
           std::string("0\r\nX: y\r\n z\r\n\r\n"),  // folded
           std::string("0\r\nX: \x7f\r\n\r\n"),
           absl::StrCat("5;", std::string(BodyDecoder::kMaxExtensionBytes + 1, 'x')),
           absl::StrCat("0\r\nX: ", std::string(BodyDecoder::kMaxTrailerBytes, 'x')),
       }) {
    SCOPED_TRACE(chunked.substr(0, 40));
    EXPECT_EQ(Decode(BodyDecoder(Framing::kChunked, 0), chunked, 1).state, Parse::kBad);
    EXPECT_EQ(Decode(BodyDecoder(Framing::kChunked, 0), chunked, 1 << 16).state, Parse::kBad);
  }
}

}  // namespace
}  // namespace koi
