// SPDX-License-Identifier: Apache-2.0
// Which certificates a name gets.
#include "tls/name_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kNow = 1000;

// The certificates, by number:
//   0 koi.example            ECDSA  valid
//   1 koi.example            RSA    valid
//   2 *.koi.example          ECDSA  valid
//   3 old.koi.example        ECDSA  expired: the one with the star is better
//   4 twice.example          ECDSA  valid until 2000
//   5 twice.example          ECDSA  valid until 3000
//   6 late.example           RSA    expired
//   7 early.example          RSA    not yet valid
class NameTableTest : public ::testing::Test {
 protected:
  NameTableTest() {
    Add("koi.example", KeyKind::kEcdsa, 0, 2000);
    Add("koi.example", KeyKind::kRsa, 0, 2000);
    Add("*.koi.example", KeyKind::kEcdsa, 0, 2000);
    Add("old.koi.example", KeyKind::kEcdsa, 0, 999);
    Add("twice.example", KeyKind::kEcdsa, 0, 2000);
    Add("twice.example", KeyKind::kEcdsa, 0, 3000);
    Add("late.example", KeyKind::kRsa, 0, 1000);
    Add("early.example", KeyKind::kRsa, 1001, 2000);
  }
  void Add(absl::string_view name, KeyKind kind, int64_t from_s, int64_t until_s) {
    table_.Add(name, {.number = next_++, .kind = kind, .from_s = from_s, .until_s = until_s});
  }
  std::vector<uint32_t> For(absl::string_view name) const {
    std::vector<uint32_t> numbers;
    for (const uint32_t number : table_.Choose(name, kNow).by_kind) {
      if (number != CertificateChoice::kNone) numbers.push_back(number);
    }
    return numbers;
  }

  NameTable table_;
  uint32_t next_ = 0;
};

TEST_F(NameTableTest, NameItselfGoesBeforeAStar) {
  EXPECT_THAT(For("koi.example"), ElementsAre(0, 1));
  EXPECT_THAT(For("www.koi.example"), ElementsAre(2));
  EXPECT_THAT(For("WWW.Koi.EXAMPLE"), ElementsAre(2));
}

TEST_F(NameTableTest, StarStandsForOneLabel) {
  EXPECT_THAT(For("a.b.koi.example"), IsEmpty());
  EXPECT_THAT(For(".koi.example"), IsEmpty());
  EXPECT_THAT(For("xkoi.example"), IsEmpty());
}

TEST_F(NameTableTest, ValidOneGoesBeforeExpiredOnes) {
  EXPECT_THAT(For("old.koi.example"), ElementsAre(2));
  EXPECT_THAT(For("twice.example"), ElementsAre(5));
  EXPECT_THAT(For("late.example"), ElementsAre(6)) << "there is no other";
  EXPECT_THAT(For("early.example"), ElementsAre(7));
}

TEST_F(NameTableTest, NamesThatCannotBeAreNobodys) {
  EXPECT_THAT(For(""), IsEmpty());
  EXPECT_THAT(For("."), IsEmpty());
  EXPECT_THAT(For("example"), IsEmpty());
  EXPECT_THAT(For(std::string(256, 'a')), IsEmpty());
}

}  // namespace
}  // namespace koi
