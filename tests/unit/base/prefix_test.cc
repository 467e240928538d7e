// SPDX-License-Identifier: Apache-2.0
// Networks as people write them.
#include "base/prefix.h"

#include <gtest/gtest.h>

namespace koi {
namespace {

TEST(PrefixTest, ReadsBackAsWritten) {
  for (const char* text : {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.7/32", "2001:db8::/32", "::/0"}) {
    SCOPED_TRACE(text);
    ASSERT_TRUE(Prefix::Parse(text).ok());
    EXPECT_EQ(Prefix::Parse(text)->ToString(), text);
  }
  EXPECT_EQ(Prefix::Parse("10.0.0.1")->ToString(), "10.0.0.1/32");
  EXPECT_EQ(Prefix::Parse("fe80::1")->ToString(), "fe80::1/128");
}

TEST(PrefixTest, ContainsWhatSharesItsBits) {
  const struct {
    const char* prefix;
    const char* inside;
    const char* outside;
  } kCases[] = {{"10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
                {"192.0.2.128/25", "192.0.2.255", "192.0.2.127"},
                {"192.0.2.7/32", "192.0.2.7", "192.0.2.6"},
                {"0.0.0.0/0", "203.0.113.1", "2001:db8::1"},
                {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"}};
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.prefix);
    const Prefix prefix = Prefix::Parse(one.prefix).value();
    EXPECT_TRUE(prefix.Contains(Address::Parse(one.inside).value()));
    EXPECT_FALSE(prefix.Contains(Address::Parse(one.outside).value()));
    EXPECT_TRUE(AnyContains({Prefix::Parse("198.51.100.0/24").value(), prefix},
                            Address::Parse(one.inside).value()));
  }
  EXPECT_FALSE(AnyContains({}, Address()));
}

TEST(PrefixTest, FamilyAndBitsAreThoseOfTheText) {
  for (const char* text : {"0.0.0.0/0", "10.0.0.0/8", "192.0.2.7/32", "::/0", "2001:db8::/32"}) {
    SCOPED_TRACE(text);
    const Prefix prefix = Prefix::Parse(text).value();
    EXPECT_EQ(prefix.is_ip4(), std::string(text).find(':') == std::string::npos);
    EXPECT_EQ(Prefix::Of(prefix.address(), prefix.bits()), prefix);
    EXPECT_EQ(prefix.ToString(), text);
  }
  EXPECT_EQ(Prefix::Of(Address::Parse("10.1.2.3").value(), 16).ToString(), "10.1.0.0/16");
}

TEST(PrefixTest, AnythingElseIsRefused) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8",
                           "10.0.0/8", "::/129", "10.0.0.0/ 8", "example.org/8"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(Prefix::Parse(text).ok());
  }
  EXPECT_EQ(Prefix::Parse("10.0.0.1/8").status().message(),
            "\"10.0.0.1/8\" is not ADDRESS/LENGTH, as 10.0.0.0/8 or 2001:db8::/32; did you mean "
            "\"10.0.0.0/8\"?");
}

}  // namespace
}  // namespace koi
