// SPDX-License-Identifier: Apache-2.0
// The HMAC against real senders, its order of addresses, its keys.
#include "carp/authentication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/carp/carp_data.h"

namespace koi {
namespace {

AdvertDigest DigestOf(const AdvertVector& vector) {
  AdvertDigest digest;
  std::copy(vector.carp.end() - 20, vector.carp.end(), digest.begin());
  return digest;
}

AdvertAuthenticator Authenticator(const std::string& password, CarpHash hash,
                                  const std::vector<Address>& vips) {
  auto authenticator = AdvertAuthenticator::Create(password, /*vhid=*/1, hash, vips);
  EXPECT_TRUE(authenticator.ok()) << authenticator.status();
  return *std::move(authenticator);
}

AdvertDigest DigestOver(CarpHash hash, const std::vector<Address>& vips) {
  return Authenticator("love", hash, vips).Sign(1);
}

TEST(AuthenticationTest, SignsAndAcceptsEveryVector) {
  const auto vectors = AdvertVectors();
  ASSERT_EQ(vectors.size(), 24u);
  for (const AdvertVector& vector : vectors) {
    SCOPED_TRACE(testing::PrintToString(vector.carp));
    const auto authenticator =
        AdvertAuthenticator::Create(vector.password, vector.vhid, vector.hash, vector.vips);
    ASSERT_TRUE(authenticator.ok()) << authenticator.status();
    EXPECT_EQ(authenticator->Sign(vector.counter), DigestOf(vector));
    EXPECT_TRUE(authenticator->Verify(vector.counter, DigestOf(vector)));
  }
}

TEST(AuthenticationTest, RefusesAnyChangedBit) {
  const auto authenticator = Authenticator("love", CarpHash::kFirst, {Addr("10.0.0.1")});
  const AdvertDigest right = authenticator.Sign(7);
  for (size_t bit = 0; bit < right.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    AdvertDigest wrong = right;
    wrong[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(authenticator.Verify(7, wrong));
  }
  EXPECT_FALSE(authenticator.Verify(8, right));
}

TEST(AuthenticationTest, AddressesAreSortedAsNumbersNotAsText) {
  EXPECT_EQ(DigestOver(CarpHash::kAll, {Addr("10.0.0.10"), Addr("10.0.0.2"), Addr("9.255.0.1")}),
            DigestOver(CarpHash::kAll, {Addr("9.255.0.1"), Addr("10.0.0.2"), Addr("10.0.0.10")}));
  EXPECT_EQ(DigestOver(CarpHash::kAll, {Addr("200.0.0.1"), Addr("100.0.0.1")}),
            DigestOver(CarpHash::kAll, {Addr("100.0.0.1"), Addr("200.0.0.1")}));
}

TEST(AuthenticationTest, Ip4ComesBeforeIp6EvenWhereItsMappedFormSortsLater) {
  // ::1 is lower than ::ffff:10.0.0.1 as sixteen bytes.
  EXPECT_EQ(DigestOver(CarpHash::kAll, {Addr("::1"), Addr("10.0.0.1")}),
            DigestOver(CarpHash::kAll, {Addr("10.0.0.1"), Addr("::1")}));
  AdvertVector derived;
  for (const AdvertVector& vector : AdvertVectors()) {
    if (vector.vips.size() == 3 && !vector.vips[1].is_ip4()) derived = vector;
  }
  ASSERT_EQ(derived.vips.size(), 3u);
  std::reverse(derived.vips.begin(), derived.vips.end());
  EXPECT_EQ(Authenticator(derived.password, CarpHash::kAll, derived.vips).Sign(derived.counter),
            DigestOf(derived));
}

TEST(AuthenticationTest, AnAddressTwiceCountsOnce) {
  EXPECT_EQ(DigestOver(CarpHash::kAll, {Addr("10.0.0.1"), Addr("10.0.0.1")}),
            DigestOver(CarpHash::kAll, {Addr("10.0.0.1")}));
}

TEST(AuthenticationTest, HashFirstCoversTheFirstIp4InOrderOfConfiguration) {
  EXPECT_EQ(DigestOver(CarpHash::kFirst, {Addr("2001:db8::1"), Addr("10.0.0.9"), Addr("10.0.0.1")}),
            DigestOver(CarpHash::kFirst, {Addr("10.0.0.9")}));
}

TEST(AuthenticationTest, HashFirstOfAGroupWithoutIp4CoversAll) {
  EXPECT_EQ(DigestOver(CarpHash::kFirst, {Addr("2001:db8::2"), Addr("2001:db8::1")}),
            DigestOver(CarpHash::kAll, {Addr("2001:db8::1"), Addr("2001:db8::2")}));
}

TEST(AuthenticationTest, AcceptsWithAndWithoutLinkLocalAddresses) {
  const auto with = Authenticator("love", CarpHash::kAll, {Addr("10.0.0.1"), Addr("fe80::1")});
  const auto without = Authenticator("love", CarpHash::kAll, {Addr("10.0.0.1")});
  EXPECT_NE(with.Sign(1), without.Sign(1));
  EXPECT_TRUE(with.Verify(1, with.Sign(1)));
  EXPECT_TRUE(with.Verify(1, without.Sign(1)));
}

TEST(AuthenticationTest, PasswordsHaveOneToTwentyBytes) {
  for (const size_t bytes : {1, 18, 19, 20}) {
    SCOPED_TRACE(bytes);
    EXPECT_TRUE(AdvertAuthenticator::Create(std::string(bytes, 'x'), 1, CarpHash::kFirst,
                                            {Addr("10.0.0.1")})
                    .ok());
  }
  for (const size_t bytes : {0, 21}) {
    SCOPED_TRACE(bytes);
    EXPECT_TRUE(
        absl::IsInvalidArgument(AdvertAuthenticator::Create(std::string(bytes, 'x'), 1,
                                                            CarpHash::kFirst, {Addr("10.0.0.1")})
                                    .status()));
  }
}

}  // namespace
}  // namespace koi
