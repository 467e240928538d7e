// SPDX-License-Identifier: Apache-2.0
// Adverts as ucarp sends them, and every reason to refuse one.
#include "carp/advert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/bytes.h"
#include "carp/advert_counter.h"
#include "unit/carp/carp_data.h"

namespace koi {
namespace {

constexpr size_t kIp = 14;          // offset of the IP header in a frame
constexpr size_t kCarp = kIp + 20;  // of the advert
constexpr size_t kIpChecksumAt = kIp + 10;
constexpr size_t kCarpChecksumAt = kCarp + 6;

Advert FromVector(const AdvertVector& vector) {
  Advert advert = {.vhid = vector.vhid,
                   .advbase = vector.advbase,
                   .advskew = vector.advskew,
                   .counter = vector.counter};
  std::copy(vector.carp.end() - 20, vector.carp.end(), advert.digest.begin());
  return advert;
}

std::string Frame() {
  return EncodeAdvertFrame({.mac = {2, 0, 0, 0, 0, 1}, .address = Addr("10.0.0.1"), .ip_id = 7},
                           {.vhid = 42, .advbase = 1, .advskew = 100, .counter = 5});
}

// `frame` with `byte` at `at` and right checksums.
std::string With(std::string frame, size_t at, uint8_t byte) {
  frame[at] = static_cast<char>(byte);
  const auto fix = [&](size_t checksum_at, size_t start, size_t bytes) {
    frame[checksum_at] = frame[checksum_at + 1] = 0;
    const uint16_t checksum = InternetChecksum(absl::string_view(frame).substr(start, bytes));
    frame[checksum_at] = static_cast<char>(checksum >> 8);
    frame[checksum_at + 1] = static_cast<char>(checksum);
  };
  fix(kIpChecksumAt, kIp, 20);
  fix(kCarpChecksumAt, kCarp, kAdvertBytes);
  return frame;
}

AdvertFault FaultOf(const std::string& frame) { return DecodeAdvertFrame(frame).fault; }

TEST(AdvertTest, EncodesEveryVectorByteForByte) {
  for (const AdvertVector& vector : AdvertVectors()) {
    SCOPED_TRACE(testing::PrintToString(vector.carp));
    EXPECT_EQ(EncodeAdvert(FromVector(vector)), vector.carp);
  }
}

TEST(AdvertTest, DecodesEveryCapturedFrameOfTheVectors) {
  int frames = 0;
  for (const AdvertVector& vector : AdvertVectors()) {
    if (vector.frame.empty()) continue;
    ++frames;
    const DecodedAdvert decoded = DecodeAdvertFrame(vector.frame);
    ASSERT_EQ(decoded.fault, AdvertFault::kNone) << AdvertFaultText(decoded.fault);
    EXPECT_EQ(decoded.vhid, vector.vhid);
    EXPECT_EQ(EncodeAdvert(decoded.advert), vector.carp);
  }
  EXPECT_EQ(frames, 19);
}

TEST(AdvertTest, FrameDiffersFromUcarpsOnlyInItsSourceMac) {
  for (const AdvertVector& vector : AdvertVectors()) {
    if (vector.frame.empty()) continue;
    SCOPED_TRACE(testing::PrintToString(vector.frame));
    const uint8_t* ip = reinterpret_cast<const uint8_t*>(vector.frame.data()) + kIp;
    const MacAddress ucarps_mac = {0, 0, 0x5e, 0, 0, vector.vhid};
    const std::string ours = EncodeAdvertFrame({.mac = ucarps_mac,
                                                .address = DecodeAdvertFrame(vector.frame).source,
                                                .ip_id = static_cast<uint16_t>(ip[4] << 8 | ip[5])},
                                               FromVector(vector));
    EXPECT_EQ(ours.substr(6), vector.frame.substr(6));  // ucarp -M has another destination MAC
  }
}

TEST(AdvertTest, EveryFrameOfTheCaptureIsAuthentic) {
  const auto vectors = AdvertVectors();
  const auto frames = CapturedFrames();
  EXPECT_EQ(frames.size(), 44u);
  for (const std::string& frame : frames) {
    const DecodedAdvert decoded = DecodeAdvertFrame(frame);
    ASSERT_EQ(decoded.fault, AdvertFault::kNone) << AdvertFaultText(decoded.fault);
    const auto vector = std::find_if(vectors.begin(), vectors.end(), [&](const auto& candidate) {
      return candidate.vhid == decoded.vhid && !candidate.frame.empty();
    });
    ASSERT_NE(vector, vectors.end());
    const auto authenticator =
        AdvertAuthenticator::Create(vector->password, vector->vhid, vector->hash, vector->vips);
    ASSERT_TRUE(authenticator.ok());
    EXPECT_TRUE(authenticator->Verify(decoded.advert.counter, decoded.advert.digest));
  }
}

TEST(AdvertTest, DecodesItsOwnFrame) {
  const DecodedAdvert decoded = DecodeAdvertFrame(Frame());
  EXPECT_EQ(decoded.fault, AdvertFault::kNone);
  EXPECT_EQ(decoded.source, Addr("10.0.0.1"));
  EXPECT_EQ(decoded.advert.advskew, 100);
  EXPECT_EQ(decoded.advert.counter, 5u);
}

TEST(AdvertTest, FrameCutAnywhereIsRefused) {
  const std::string frame = Frame();
  ASSERT_EQ(frame.size(), 70u);
  for (size_t bytes = 0; bytes < frame.size(); ++bytes) {
    SCOPED_TRACE(bytes);
    EXPECT_NE(FaultOf(frame.substr(0, bytes)), AdvertFault::kNone);
  }
}

TEST(AdvertTest, EachCheckHasItsOwnFault) {
  EXPECT_EQ(FaultOf(With(Frame(), kIp + 8, 254)), AdvertFault::kTtl);
  EXPECT_EQ(FaultOf(With(Frame(), kCarp, 0x31)), AdvertFault::kVersion);
  EXPECT_EQ(FaultOf(With(Frame(), kIp + 9, 17)), AdvertFault::kNotCarp);
  EXPECT_EQ(FaultOf(With(Frame(), kIp + 19, 19)), AdvertFault::kNotCarp);
  EXPECT_EQ(FaultOf(With(Frame(), 12, 0x86)), AdvertFault::kNotCarp);
  EXPECT_EQ(FaultOf(With(Frame(), kIp, 0x44)), AdvertFault::kTruncated);
  EXPECT_EQ(FaultOf(With(Frame(), kIp + 3, 55)), AdvertFault::kTruncated);
  EXPECT_EQ(FaultOf(With(Frame(), kIp + 3, 57)), AdvertFault::kTruncated);
  EXPECT_EQ(FaultOf(With(Frame(), kIp + 6, 0x20)), AdvertFault::kFragment);
}

TEST(AdvertTest, ChecksumsAreJudgedSeparately) {
  std::string frame = Frame();
  ++frame[kIpChecksumAt + 1];
  EXPECT_EQ(FaultOf(frame), AdvertFault::kIpChecksum);
  --frame[kCarpChecksumAt + 1];  // the two errors cancel out in one sum over both headers
  EXPECT_EQ(FaultOf(frame), AdvertFault::kIpChecksum);
  --frame[kIpChecksumAt + 1];
  EXPECT_EQ(FaultOf(frame), AdvertFault::kChecksum);
}

TEST(AdvertTest, AFaultyAdvertStillNamesItsGroup) {
  EXPECT_EQ(DecodeAdvertFrame(With(Frame(), kIp + 8, 254)).vhid, 42);
}

TEST(AdvertTest, TypeAuthlenDemoteAndTrailingBytesAreNotLookedAt) {
  EXPECT_EQ(FaultOf(With(Frame(), kCarp, 0x22)), AdvertFault::kNone);
  EXPECT_EQ(FaultOf(With(Frame(), kCarp + 3, 0)), AdvertFault::kNone);
  EXPECT_EQ(FaultOf(With(Frame(), kCarp + 4, 255)), AdvertFault::kNone);
  EXPECT_EQ(FaultOf(Frame() + "trailing"), AdvertFault::kNone);
}

TEST(AdvertTest, IpOptionsAreSkipped) {
  std::string frame = Frame();
  frame.insert(kCarp, std::string(4, '\x01'));
  frame[kIp] = 0x46;
  frame[kIp + 3] = 60;
  frame[kIpChecksumAt] = frame[kIpChecksumAt + 1] = 0;
  const uint16_t checksum = InternetChecksum(absl::string_view(frame).substr(kIp, 24));
  frame[kIpChecksumAt] = static_cast<char>(checksum >> 8);
  frame[kIpChecksumAt + 1] = static_cast<char>(checksum);
  EXPECT_EQ(FaultOf(frame), AdvertFault::kNone);
  EXPECT_EQ(DecodeAdvertFrame(frame).advert.counter, 5u);
}

TEST(AdvertCounterTest, IsRandomUntilAnAdvertIsReceivedThenCountsOn) {
  AdvertCounter counter;
  EXPECT_EQ(counter.Next(/*random=*/77), 77u);
  EXPECT_EQ(counter.Next(/*random=*/5), 5u);
  counter.Received(UINT64_MAX - 1);
  EXPECT_EQ(counter.Next(/*random=*/9), UINT64_MAX);
  EXPECT_EQ(counter.Next(/*random=*/9), 0u);
  counter.Received(3);
  EXPECT_EQ(counter.Next(/*random=*/9), 4u);
}

}  // namespace
}  // namespace koi
