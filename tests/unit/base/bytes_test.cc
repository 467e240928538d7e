// SPDX-License-Identifier: Apache-2.0
// Network byte order and the Internet checksum.
#include "base/bytes.h"

#include <gtest/gtest.h>

namespace koi {
namespace {

TEST(BytesTest, NumbersTravelInNetworkOrderAndComeBack) {
  ByteWriter writer;
  writer.U8(0x01);
  writer.U16(0x0203);
  writer.U32(0x04050607);
  writer.U64(0x08090a0b0c0d0e0f);
  EXPECT_EQ(writer.bytes(), "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f");

  ByteReader reader(writer.bytes());
  EXPECT_EQ(reader.U8(), 0x01);
  EXPECT_EQ(reader.U16(), 0x0203);
  EXPECT_EQ(reader.U32(), 0x04050607u);
  EXPECT_EQ(reader.U64(), 0x08090a0b0c0d0e0fu);
  EXPECT_TRUE(reader.ok());
}

TEST(BytesTest, PastTheEndEverythingIsZeroAndNotOk) {
  ByteReader reader("\x01");
  EXPECT_EQ(reader.U16(), 0x0100);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.U8(), 0);
}

TEST(BytesTest, ChecksumIsThatOfRfc1071) {
  const std::string example("\x00\x01\xf2\x03\xf4\xf5\xf6\xf7",
                            8);  // section 3 of the RFC: the sum is ddf2
  EXPECT_EQ(InternetChecksum(example), 0xffff & ~0xddf2);
  EXPECT_EQ(InternetChecksum("\xff"), 0x00ff) << "an odd byte counts as if a zero followed";
}

}  // namespace
}  // namespace koi
