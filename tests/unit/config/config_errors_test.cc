// SPDX-License-Identifier: Apache-2.0
// How mistakes are reported: their place, all at once, each once. config_mistakes_test.cc has what
// is said of which.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "config_text.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The errors of kSmallConfig with `from` replaced by `to`.
std::vector<std::string> ErrorsWith(const std::string& from, const std::string& to) {
  const std::string text = absl::StrReplaceAll(kSmallConfig, {{from, to}});
  EXPECT_NE(text, kSmallConfig) << from << " is not in the small configuration";
  return ErrorsOf(text);
}

TEST(ConfigErrorsTest, TextShowsTheLineAndTheColumn) {
  const ConfigResult result =
      Parse(absl::StrReplaceAll(kSmallConfig, {{"10.0.2.11:8080", "10.0.2.11:70000"}}));
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(result.errors[0].ToString(),
            "koi.toml:15:40: port \"70000\" is not a number from 1 to 65535\n"
            "  backend = [{ name = \"web-1\", address = \"10.0.2.11:70000\" }]\n"
            "                                         ^");
}

TEST(ConfigErrorsTest, CaretStandsUnderTheCharacterNotTheByte) {
  const ConfigResult result = Parse("version = 1\n\"é\" = 1 # x\nnode.interface = \"e\"\nnode = 2");
  ASSERT_FALSE(result.errors.empty());
  const ConfigError error = {
      .file = "f", .line = 1, .column = 5, .message = "m", .source_line = "\té = 5"};
  EXPECT_EQ(error.ToString(), "f:1:5: m\n  \té = 5\n  \t   ^");
}

TEST(ConfigErrorsTest, LineThatMayHoldAPasswordIsNotShown) {
  const ConfigResult result = Parse(absl::StrReplaceAll(
      kSmallConfig, {{"password_file = \"carp.key\"", "pasword = \"foobar23\""}}));
  for (const ConfigError& error : result.errors) {
    EXPECT_EQ(error.ToString().find("foobar23"), std::string::npos) << error.ToString();
  }
}

TEST(ConfigErrorsTest, AllAreReportedAtOnceInTheOrderOfTheText) {
  const std::string text = absl::StrReplaceAll(
      kSmallConfig,
      {{"vhid = 42", "vhid = 256"}, {"pool = \"web\"", "pool = \"wbe\""}, {"eth0", "eth/0"}});
  EXPECT_THAT(ErrorsOf(text),
              ElementsAre("3:13: interface \"eth/0\" is not an interface's name of 1 to 15 bytes",
                          "5:8: vhid 256 is not a number from 1 to 255",
                          "12:8: service \"web\" names pool \"wbe\", which does not exist; did you "
                          "mean \"web\"?"));
}

// Where toml++ 3.3.0 left to itself runs into undefined behaviour.
TEST(ConfigErrorsTest, OddSyntaxIsAnErrorToo) {
  EXPECT_THAT(ErrorsOf("[\n5").size(), 1u);
  EXPECT_THAT(ErrorsOf(std::string("[\0[", 3)).size(), 1u);
  EXPECT_THAT(ErrorsOf("\u00e9 = 1").size(), 1u);
  EXPECT_THAT(ErrorsOf("\ufd3f").size(), 1u);
  EXPECT_THAT(
      ErrorsWith("\"carp.key\"", "\"\"\"carp.\\\n\u00e9\"\"\""),
      ElementsAre("6:17: password_file: cannot open carp.\u00e9: No such file or directory"));
}

TEST(ConfigErrorsTest, GroupHasAVip) {
  EXPECT_THAT(ErrorsOf("version = 1\nnode.interface = \"e\"\n[[carp]]\nvhid = 1\npassword_file = "
                       "\"carp.key\""),
              ElementsAre("3:1: group 1 has no [[vip]]"));
  EXPECT_THAT(ErrorsOf("version = 1\nnode.interface = \"e\"\n[[carp]]\nvhid = 1\npassword_file = "
                       "\"carp.key\"\n[[vip]]\naddress = \"2001:db8::1\""),
              ElementsAre("3:1: group 1 has no IPv4 VIP for hash = \"first\" to cover; use hash = "
                          "\"all\""));
}

TEST(ConfigErrorsTest, MoreVipsThanMapsHoldAreRefused) {
  std::string text =
      "version = 1\nnode.interface = \"e\"\n[[carp]]\nvhid = 1\npassword_file = \"carp.key\"\n";
  for (int i = 0; i <= 1024; ++i) {
    absl::StrAppend(&text, "[[vip]]\naddress = \"10.0.", i / 256, ".", i % 256, "\"\n");
  }
  EXPECT_THAT(ErrorsOf(text),
              ElementsAre("2054:1: there are 1025 VIPs; at most 1024 are possible"));
}

TEST(ConfigErrorsTest, MoreBackendsThanMapsHoldAreRefused) {
  std::string text = absl::StrCat(kSmallConfig, "[[pool]]\nname = \"big\"\n");
  for (int i = 0; i < 1023; ++i) {
    absl::StrAppend(&text, "[[pool.backend]]\nname = \"b", i, "\"\naddress = \"10.1.", i / 256, ".",
                    i % 256, ":80\"\n");
  }
  EXPECT_THAT(ErrorsOf(text),
              ElementsAre("16:1: with pool \"big\" there are 1024 backends; at most 1023 are "
                          "possible"));
}

// A file is shown as a terminal may see it, whatever it holds; the caret stands under the column.
TEST(ConfigErrorsTest, OddBytesDoNotMoveTheCaret) {
  const auto shown = [](const std::string& text) {
    const ConfigResult result = ParseConfig({{"f", text}}, ReadTestFile);
    return result.errors.empty() ? "" : result.errors[0].ToString();
  };
  EXPECT_EQ(shown("\xef\xbb\xbf\tversion = 2\nnode.interface = \"e\""),
            "f:1:12: version 2 is not the number 1\n  \tversion = 2\n  \t          ^");
  EXPECT_EQ(shown("version = 1\r\n[node] # \u00e9\r\n\tinterface = \"\u00e9/\"\r\n"),
            "f:3:14: interface \"\u00e9/\" is not an interface's name of 1 to 15 bytes\n"
            "  \tinterface = \"\u00e9/\"\n  \t            ^");
  EXPECT_EQ(
      shown(std::string("name = \"a\0b\"", 12)),
      "f:1:10: syntax error: string: unescaped control characters other than TAB (U+0009) are "
      "explicitly prohibited; is a closing quote missing?\n  name = \"a?b\"\n           ^");
  EXPECT_EQ(shown("name = \"a\xff\""),
            "f:1:10: syntax error: this byte is not UTF-8\n  name = \"a?\"\n           ^");
}

TEST(ConfigErrorsTest, EmptyFileIsNoConfiguration) {
  EXPECT_THAT(ErrorsOf(""), ElementsAre("1:1: version is missing; this format is version = 1",
                                        "1:1: [node] is missing; it names the interface, as "
                                        "interface = \"eth0\""));
}

// One mistake is said once: what refers to the mistaken thing is not complained about as well.
TEST(ConfigErrorsTest, MistakeIsNotRepeatedWhereItIsReferredTo) {
  EXPECT_THAT(ErrorsWith("[[pool]]\nname = \"web\"", "[[pool]]\nname = \"w b\"").size(), 1u);
  EXPECT_THAT(ErrorsWith("address = \"10.0.1.201\"", "address = \"10.0.1\"").size(), 1u);
  EXPECT_THAT(ErrorsWith("vhid = 42", "vhid = 0").size(), 1u);
}

}  // namespace
}  // namespace koi
