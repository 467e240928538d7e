// SPDX-License-Identifier: Apache-2.0
// Addresses and endpoints as people write them, as the wire carries them, as the kernel takes them.
#include "base/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace koi {
namespace {

TEST(AddressTest, BothFamiliesReadBackAsWritten) {
  for (const char* text : {"10.0.0.1", "255.255.255.255", "2001:db8::1", "::1", "::"}) {
    SCOPED_TRACE(text);
    ASSERT_TRUE(Address::Parse(text).ok());
    EXPECT_EQ(Address::Parse(text)->ToString(), text);
  }
}

TEST(AddressTest, MappedFormOfAnIp4AddressIsThatAddress) {
  EXPECT_EQ(*Address::Parse("::ffff:10.0.0.1"), *Address::Parse("10.0.0.1"));
}

TEST(AddressTest, WireFormHasTheSizeOfItsFamily) {
  EXPECT_EQ(Address::Parse("10.0.0.1")->wire(), std::string("\x0a\x00\x00\x01", 4));
  EXPECT_EQ(Address::Parse("2001:db8::1")->wire().size(), 16u);
  EXPECT_EQ(Address::FromWire(Address::Parse("10.0.0.1")->wire()), *Address::Parse("10.0.0.1"));
}

TEST(AddressTest, AnythingElseIsRefused) {
  for (const char* text : {"", "10.0.0", "10.0.0.256", "010.0.0.1", "example.org", "[::1]",
                           "fe80::1%eth0", "10.0.0.1/32"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(Address::Parse(text).ok());
  }
  EXPECT_FALSE(Address::Parse(absl::string_view("10.0.0.1\0x", 10)).ok());
}

TEST(EndpointTest, BothFamiliesReadBackAsWritten) {
  for (const char* text : {"10.0.0.1:80", "[2001:db8::1]:65535"}) {
    SCOPED_TRACE(text);
    ASSERT_TRUE(Endpoint::Parse(text).ok());
    EXPECT_EQ(Endpoint::Parse(text)->ToString(), text);
  }
}

TEST(EndpointTest, RefusalSaysWhatWouldBeRight) {
  EXPECT_EQ(Endpoint::Parse("10.0.0.1:70000").status().message(),
            "port \"70000\" is not a number from 1 to 65535");
  EXPECT_EQ(Endpoint::Parse("10.0.0.1:0").status().message(),
            "port \"0\" is not a number from 1 to 65535");
  EXPECT_EQ(Endpoint::Parse("10.0.0.1:+1").status().message(),
            "port \"+1\" is not a number from 1 to 65535");
  EXPECT_EQ(Endpoint::Parse("10.0.0.1").status().message(),
            "\"10.0.0.1\" is not ADDRESS:PORT, as 10.0.0.1:80 or [2001:db8::1]:80; its port is "
            "missing");
  EXPECT_FALSE(Endpoint::Parse("2001:db8::1:80").ok())
      << "without brackets it could mean two things";
  EXPECT_FALSE(Endpoint::Parse("[10.0.0.1]:80").ok());
}

TEST(EndpointTest, SurvivesTheKernelsForm) {
  for (const char* text : {"10.0.0.1:80", "[2001:db8::1]:443"}) {
    SCOPED_TRACE(text);
    const Endpoint endpoint = *Endpoint::Parse(text);
    sockaddr_storage storage;
    endpoint.ToSockaddr(storage);
    EXPECT_EQ(*Endpoint::FromSockaddr(storage), endpoint);
  }
}

}  // namespace
}  // namespace koi
