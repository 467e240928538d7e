// SPDX-License-Identifier: Apache-2.0
// Aligned columns.
#include "cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace koi {
namespace {

std::string Printed(const Table& table) {
  std::ostringstream out;
  table.Print(out);
  return out.str();
}

TEST(TableTest, TextIsAlignedLeftAndNumbersRight) {
  Table table({"NAME", "COUNT", "WHY"});
  table.Add({"a", 5, "x"});
  table.Add({"longer", uint64_t{1234567}, ""});
  EXPECT_EQ(Printed(table),
            "NAME      COUNT  WHY\n"
            "a             5  x\n"
            "longer  1234567  -\n");
}

TEST(TableTest, HeaderStandsAlone) { EXPECT_EQ(Printed(Table({"A", "B"})), "A  B\n"); }

TEST(TableTest, WidthCountsCharactersNotBytes) {
  Table table({"N", "X"});
  table.Add({"é", "1"});
  table.Add({"ab", "2"});
  EXPECT_EQ(Printed(table), "N   X\né   1\nab  2\n");
}

}  // namespace
}  // namespace koi
