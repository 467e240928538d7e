// SPDX-License-Identifier: Apache-2.0
// Files of denied clients: what is read from them, and every mistake with its line.
#include "config/deny_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace koi {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Words(const DenyText& text) {
  std::vector<std::string> words;
  for (const DenyEntry& entry : text.entries) {
    words.push_back(entry.prefix.ToString() + "@" + std::to_string(entry.since_s));
  }
  return words;
}

TEST(DenyListTest, OnePrefixALineWithCommentsIsReadInOrderEachOnce) {
  const DenyText text = ParseDenyText("bad.txt",
                                      "# who scans us\r\n\n"
                                      "2001:db8::/32\n"
                                      "  198.51.100.7 # alone\n"
                                      "192.0.2.0/24 1764012345\r\n"
                                      "192.0.2.0/24\n"
                                      "192.0.2.0/25");
  EXPECT_THAT(text.errors, IsEmpty());
  EXPECT_THAT(Words(text), ElementsAre("192.0.2.0/24@1764012345", "192.0.2.0/25@0",
                                       "198.51.100.7/32@0", "2001:db8::/32@0"));
}

TEST(DenyListTest, EveryMistakeIsSaidWithItsLineAndNothingIsTaken) {
  const DenyText text = ParseDenyText("bad.txt",
                                      "192.0.2.0/24\n10.0.0.1/8\n\nhello\n10.0.0.1 10.0.0.2\n"
                                      "10.0.0.1 5 6\n10.0.0.1 99999999999\n" +
                                          std::string(100, '1'));
  EXPECT_THAT(text.entries, IsEmpty());
  EXPECT_THAT(
      text.errors,
      ElementsAre("bad.txt:2: \"10.0.0.1/8\" is not ADDRESS/LENGTH, as 10.0.0.0/8 or "
                  "2001:db8::/32; did you mean \"10.0.0.0/8\"?",
                  "bad.txt:4: \"hello\" is not ADDRESS/LENGTH, as 10.0.0.0/8 or 2001:db8::/32",
                  "bad.txt:5: there is more behind 10.0.0.1/32: one prefix a line, comments begin "
                  "with #",
                  "bad.txt:6: there is more behind 10.0.0.1/32: one prefix a line, comments begin "
                  "with #",
                  "bad.txt:7: there is more behind 10.0.0.1/32: one prefix a line, comments begin "
                  "with #",
                  "bad.txt:8: a word of 100 bytes is no prefix"));
}

TEST(DenyListTest, WhatIsWrittenIsReadBack) {
  const DenyText text = ParseDenyText("a", "0.0.0.0/0\n::/0 7\n10.0.0.0/8 8\n");
  EXPECT_EQ(ParseDenyText("b", FormatDenyText(text.entries)).entries, text.entries);
  EXPECT_EQ(text.entries.size(), 3U) << "no family covers the other";
  EXPECT_THAT(ParseDenyText("c", "").entries, IsEmpty());
}

}  // namespace
}  // namespace koi
