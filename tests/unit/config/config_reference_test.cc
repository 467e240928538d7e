// SPDX-License-Identifier: Apache-2.0
// docs/config.md says what the schema says.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "base/file.h"
#include "config/schema.h"
#include "config/value.h"

namespace koi {
namespace {

TEST(ConfigReferenceTest, DocumentHasTheTablesOfTheSchema) {
  const absl::StatusOr<std::string> document = ReadFile(KOI_SOURCE_DIR "/docs/config.md");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_TRUE(absl::StrContains(*document, ConfigReference()))
      << "docs/config.md should have, word for word:\n\n"
      << ConfigReference();
}

TEST(ConfigReferenceTest, EveryKeyStandsInATableAndHasHelp) {
  for (const ConfigKey& key : ConfigSchema().keys) {
    SCOPED_TRACE(key.name);
    EXPECT_FALSE(key.help.empty());
    bool found = false;
    for (const ConfigTable& table : ConfigSchema().tables) found = found || table.path == key.table;
    EXPECT_TRUE(found) << key.table;
  }
}

TEST(ConfigReferenceTest, EveryDefaultIsAValidValue) {
  for (const ConfigKey& key : ConfigSchema().keys) {
    SCOPED_TRACE(key.name);
    const bool note = !key.default_note.empty();
    const bool value = !key.default_value.empty();
    EXPECT_LE(int{key.required} + int{note} + int{value}, 1);
    if (value) DefaultValue(key);  // dies of one that is not
  }
}

}  // namespace
}  // namespace koi
