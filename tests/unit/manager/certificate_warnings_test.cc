// SPDX-License-Identifier: Apache-2.0
// Certificates that expire: what is said of them, and when.
#include "manager/certificate_warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kNow = 1'800'000'000;
constexpr int64_t kDay = 24 * 3600;

TEST(CertificateWarningsTest, ExpiredAndSoonToExpireAreSaid) {
  EXPECT_THAT(
      CertificateWarnings({{.service = "web", .name = "old.example", .until_s = kNow - 1},
                           {.service = "web", .name = "now.example", .until_s = kNow + 1},
                           {.service = "web", .name = "a.example", .until_s = kNow + kDay},
                           {.pool = "api", .name = "b.example", .until_s = kNow + 14 * kDay - 1},
                           {.service = "api", .name = "c.example", .until_s = kNow + 14 * kDay}},
                          kNow),
      ElementsAre("the certificate of service web for old.example has expired",
                  "the certificate of service web for now.example expires in less than a day",
                  "the certificate of service web for a.example expires in 1 day",
                  "the certificate of pool api for b.example expires in 13 days"));
  EXPECT_THAT(CertificateWarnings({}, kNow), IsEmpty());
}

TEST(CertificateWarningsTest, ManyAreCounted) {
  std::vector<CertificateExpiry> many(1000,
                                      {.service = "web", .name = "a.example", .until_s = kNow});
  const std::vector<std::string> said = CertificateWarnings(many, kNow);
  ASSERT_THAT(said, SizeIs(6));
  EXPECT_EQ(said[5], "995 more certificates have expired or expire in 14 days; see koi cert list");
  many.resize(6);
  EXPECT_EQ(CertificateWarnings(many, kNow)[5],
            "1 more certificate has expired or expires in 14 days; see koi cert list");
}

}  // namespace
}  // namespace koi
