// SPDX-License-Identifier: Apache-2.0
// Announcements byte for byte, and their series.
#include "carp/announce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "base/bytes.h"
#include "unit/carp/carp_data.h"

namespace koi {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MacAddress kMac = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

TEST(AnnounceTest, Ip4IsAnArpRequestForItselfAsUcarpSendsIt) {
  EXPECT_EQ(absl::BytesToHexString(AnnouncementFrame(kMac, Addr("10.9.0.100"))),
            "ffffffffffff"
            "021122334455"
            "0806"
            "0001"
            "0800"
            "06"
            "04"
            "0001"
            "021122334455"
            "0a090064"
            "021122334455"
            "0a090064");
}

TEST(AnnounceTest, Ip6IsAnUnsolicitedAdvertisementThatOverrides) {
  std::string frame = AnnouncementFrame(kMac, Addr("fd00:9::100"));
  ASSERT_EQ(frame.size(), 86u);
  const std::string icmp = frame.substr(54);
  std::string pseudo_header = frame.substr(22, 32);  // source, destination
  pseudo_header += std::string("\x00\x00\x00\x20\x00\x00\x00\x3a", 8);
  EXPECT_EQ(InternetChecksum(pseudo_header + icmp), 0);

  frame[56] = frame[57] = 0;  // the checksum, judged above
  EXPECT_EQ(absl::BytesToHexString(frame),
            "333300000001"
            "021122334455"
            "86dd"
            "60000000"
            "0020"
            "3a"
            "ff"
            "fd000009000000000000000000000100"
            "ff020000000000000000000000000001"
            "88"
            "00"
            "0000"
            "20000000"
            "fd000009000000000000000000000100"
            "02"
            "01"
            "021122334455");
}

class AnnouncerTest : public testing::Test {
 protected:
  void TurnFor(Duration duration) {
    for (const TimePoint end = Now() + duration; Now() < end;) loop->Turn(end - Now());
  }
  std::unique_ptr<EventLoop> loop = *EventLoop::Create();
  std::vector<std::string> sent;
  Announcer announcer{*loop, [this](absl::string_view frame) { sent.emplace_back(frame); }};
};

TEST_F(AnnouncerTest, SendsAtOnceAndAgainEverMoreRarely) {
  announcer.Start({"a", "b"});
  EXPECT_THAT(sent, testing::ElementsAre("a", "b"));
  const TimePoint start = Now();
  while (sent.size() < 8 && Now() - start < seconds(10)) loop->Turn(seconds(10));
  EXPECT_EQ(sent.size(), 8u);  // at 0, 50, 200 and 1000 ms
  EXPECT_GE(Now() - start, milliseconds(990));
}

TEST_F(AnnouncerTest, StartingAnewReplacesTheSeriesAndCancelEndsIt) {
  announcer.Start({"old"});
  announcer.Start({"new"});
  announcer.Cancel();
  TurnFor(milliseconds(100));
  EXPECT_THAT(sent, testing::ElementsAre("old", "new"));
}

}  // namespace
}  // namespace koi
