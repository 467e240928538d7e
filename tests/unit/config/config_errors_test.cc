// SPDX-License-Identifier: Apache-2.0
// What is said of mistakes: each with its place, what is wrong, and what would be right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "config_text.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// The errors of kSmallConfig with `from` replaced by `to`.
std::vector<std::string> ErrorsWith(const std::string& from, const std::string& to) {
  const std::string text = absl::StrReplaceAll(kSmallConfig, {{from, to}});
  EXPECT_NE(text, kSmallConfig) << from << " is not in the small configuration";
  return ErrorsOf(text);
}

// The errors of kSmallConfig with `line` in front of its line that begins with `before`.
std::vector<std::string> ErrorsAdding(const std::string& before, const std::string& line) {
  return ErrorsWith(absl::StrCat("\n", before), absl::StrCat("\n", line, "\n", before));
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

TEST(ConfigErrorsTest, SyntaxErrorIsSaidWithItsPlace) {
  EXPECT_THAT(ErrorsWith("vhid = 42", "vhid 42"),
              ElementsAre("5:6: syntax error: key-value pair: expected '=', saw '4'"));
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

TEST(ConfigErrorsTest, DuplicateKeyIsAnError) {
  EXPECT_THAT(ErrorsWith("vhid = 42", "vhid = 42\nvhid = 43"),
              ElementsAre("6:8: syntax error: key-value pair: cannot redefine existing integer "
                          "'vhid'"));
}

TEST(ConfigErrorsTest, VersionIsRequired) {
  EXPECT_THAT(ErrorsWith("version = 1\n", ""),
              ElementsAre("1:1: version is missing; this format is version = 1"));
  EXPECT_THAT(ErrorsWith("version = 1", "version = 2"),
              ElementsAre("1:11: version 2 is not the number 1"));
}

TEST(ConfigErrorsTest, InterfaceIsRequired) {
  EXPECT_THAT(ErrorsWith("[node]\ninterface = \"eth0\"\n", ""),
              ElementsAre("1:1: [node] is missing; it names the interface, as interface = "
                          "\"eth0\""));
  EXPECT_THAT(ErrorsWith("interface = \"eth0\"\n", ""),
              ElementsAre("2:1: [node] lacks \"interface\": an interface's name of 1 to 15 bytes"));
}

TEST(ConfigErrorsTest, UnknownKeyNamesTheOneThatWasMeant) {
  EXPECT_THAT(ErrorsAdding("vhid", "advskeww = 1"),
              ElementsAre("5:1: unknown key \"advskeww\" in [[carp]]; did you mean \"advskew\"?"));
  EXPECT_THAT(ErrorsAdding("backend", "check = { intervall = \"1s\" }"),
              ElementsAre("15:11: unknown key \"intervall\" in check of [[pool]]; did you mean "
                          "\"interval\"?"));
}

TEST(ConfigErrorsTest, KeyInAnotherTableNamesThatTable) {
  EXPECT_THAT(ErrorsAdding("backend", "advskew = 1"),
              ElementsAre("15:1: unknown key \"advskew\" in [[pool]]; it is a key of [[carp]]"));
  EXPECT_THAT(ErrorsAdding("[node]", "interface = \"eth0\""),
              ElementsAre("2:1: unknown key \"interface\"; it is a key of [node]"));
}

TEST(ConfigErrorsTest, UnknownTableNamesTheOneThatWasMeant) {
  EXPECT_THAT(ErrorsAdding("[[pool]]", "[[servise]]"),
              ElementsAre("13:3: unknown table \"servise\"; did you mean [[service]]?"));
  EXPECT_THAT(ErrorsAdding("[[pool]]", "[frontend]"),
              ElementsAre("13:2: unknown table \"frontend\""));
}

TEST(ConfigErrorsTest, TableOfTheWrongKindSaysHowItIsWritten) {
  EXPECT_THAT(ErrorsWith("[node]", "[[node]]"),
              ElementsAre("2:1: node is a list; it is one table: [node]"));
  EXPECT_THAT(ErrorsWith("[[vip]]", "[vip]"),
              ElementsAre("7:1: vip is a table; there may be several tables: [[vip]]"));
  EXPECT_THAT(ErrorsAdding("backend", "check = \"tcp\""),
              ElementsAre("15:9: check is text; it is one table: check = { ... }"));
}

TEST(ConfigErrorsTest, WrongTypeSaysWhatIsRight) {
  EXPECT_THAT(ErrorsWith("vhid = 42", "vhid = \"42\""),
              ElementsAre("5:8: vhid \"42\" is text, not a number from 1 to 255"));
  EXPECT_THAT(ErrorsAdding("vhid", "preempt = 1"),
              ElementsAre("5:11: preempt is a number, not true or false"));
  EXPECT_THAT(ErrorsWith("listen = [\"10.0.1.201:80\"]", "listen = \"10.0.1.201:80\""),
              ElementsAre("11:10: listen \"10.0.1.201:80\" is text, not a list of ADDRESS:PORT"));
}

TEST(ConfigErrorsTest, NumberOutOfItsRangeSaysTheRange) {
  EXPECT_THAT(ErrorsAdding("vhid", "advskew = 255"),
              ElementsAre("5:11: advskew 255 is not a number from 0 to 254"));
  EXPECT_THAT(ErrorsWith("\"10.0.2.11:8080\"", "\"10.0.2.11:8080\", weight = 0"),
              ElementsAre("15:67: weight 0 is not a number from 1 to 1000"));
}

TEST(ConfigErrorsTest, NameOfOtherCharactersIsRefused) {
  EXPECT_THAT(ErrorsWith("\"web-1\"", "\"web 1\""),
              ElementsAre("15:21: name \"web 1\" is not a name of 1 to 31 letters, digits, \"_\", "
                          "\".\" or \"-\""));
  EXPECT_THAT(ErrorsWith("\"web-1\"", "\"12345678901234567890123456789012\""),
              ElementsAre(StartsWith("15:21: name \"12345678901234567890123456789012\" is not")));
}

TEST(ConfigErrorsTest, DurationSaysItsFormAndRange) {
  EXPECT_THAT(ErrorsAdding("backend", "check = { interval = \"2\" }"),
              ElementsAre("15:22: interval \"2\" is not a duration, as \"500ms\", \"2s\" or "
                          "\"1m\""));
  EXPECT_THAT(ErrorsAdding("backend", "check = { interval = \"2h\" }"),
              ElementsAre("15:22: interval \"2h\" is not a duration from \"100ms\" to \"1h\""));
  EXPECT_THAT(ErrorsAdding("backend", "check = { interval = \"1s\", timeout = \"2s\" }"),
              ElementsAre("15:38: timeout 2.0s is longer than interval 1.0s"));
}

TEST(ConfigErrorsTest, ValueThatIsNotOneOfTheChoicesListsThem) {
  EXPECT_THAT(ErrorsAdding("backend", "balance = \"least-connections\""),
              ElementsAre("15:11: balance \"least-connections\" is not one of: round-robin"));
  EXPECT_THAT(ErrorsAdding("pool", "mode = \"l4\""),
              ElementsAre("12:8: mode \"l4\" is not one of: http, tcp"));
  EXPECT_THAT(ErrorsAdding("pool", "tls = \"passthrough\""),
              ElementsAre("12:7: tls \"passthrough\" is not one of: off, terminate"));
  EXPECT_THAT(ErrorsAdding("pool", "mode = \"htp\""),
              ElementsAre("12:8: mode \"htp\" is not one of: http, tcp; did you mean \"http\"?"));
}

TEST(ConfigErrorsTest, CheckWithoutTcpIsRefused) {
  EXPECT_THAT(ErrorsAdding("backend", "check = { tcp = false }"),
              ElementsAre("15:17: tcp false leaves nothing to check; a check is tcp = true"));
}

TEST(ConfigErrorsTest, PasswordIsOf1To19Bytes) {
  EXPECT_THAT(ErrorsWith("password_file = \"carp.key\"", "password = \"12345678901234567890\""),
              ElementsAre("6:12: password is 20 bytes; CARP takes 1 to 19"));
  EXPECT_THAT(ErrorsWith("carp.key", "long"),
              ElementsAre("6:17: password_file holds a password of 20 bytes; CARP takes 1 to 19"));
  EXPECT_THAT(ErrorsWith("carp.key", "empty"),
              ElementsAre("6:17: password_file holds a password of 0 bytes; CARP takes 1 to 19"));
  EXPECT_THAT(ErrorsWith("password_file = \"carp.key\"", "password = \"1234567890123456789\""),
              IsEmpty());
}

TEST(ConfigErrorsTest, PasswordStandsInOnePlace) {
  EXPECT_THAT(ErrorsAdding("vhid", "password = \"x\""),
              ElementsAre("5:12: password and password_file are both set; one of them is enough"));
  EXPECT_THAT(ErrorsWith("password_file = \"carp.key\"\n", ""),
              ElementsAre("4:1: [[carp]] lacks \"password_file\": the file whose first line is the "
                          "password"));
}

TEST(ConfigErrorsTest, NamedFileThatCannotBeReadIsSaidWhereItIsNamed) {
  EXPECT_THAT(ErrorsWith("carp.key", "/none"),
              ElementsAre("6:17: password_file: cannot open /none: No such file or directory"));
}

TEST(ConfigErrorsTest, VhidIsUsedOnce) {
  EXPECT_THAT(ErrorsAdding("[[service]]", "[[carp]]\nvhid = 42\npassword_file = \"carp.key\""),
              ElementsAre("7:1: [[vip]] lacks \"group\": there are 2 groups, with vhid 42, 42",
                          "10:8: vhid 42 is already used at koi.toml:5"));
}

TEST(ConfigErrorsTest, VipNeedsAGroup) {
  EXPECT_THAT(ErrorsWith("[[carp]]\nvhid = 42\npassword_file = \"carp.key\"\n", ""),
              ElementsAre("4:1: [[vip]] has no group: there is no [[carp]]"));
  EXPECT_THAT(ErrorsAdding("address", "group = 43"),
              ElementsAre("8:9: group 43 is the vhid of no [[carp]]"));
}

TEST(ConfigErrorsTest, VipIsAnAddressOfOneHost) {
  for (const char* address : {"0.0.0.0", "127.0.0.1", "224.0.0.18", "255.255.255.255"}) {
    EXPECT_THAT(ErrorsWith("10.0.1.201", address),
                ElementsAre(absl::StrCat("8:11: address \"", address,
                                         "\" cannot be a VIP: it is not of one host")));
  }
  EXPECT_THAT(ErrorsWith("address = \"10.0.1.201\"", "address = \"10.0.1.201/24\""),
              ElementsAre("8:11: address \"10.0.1.201/24\" is not an IPv4 or IPv6 address"));
}

TEST(ConfigErrorsTest, VipIsDeclaredOnce) {
  EXPECT_THAT(ErrorsAdding("[[service]]", "[[vip]]\naddress = \"10.0.1.201\""),
              ElementsAre("10:11: VIP 10.0.1.201 is already used at koi.toml:8"));
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

TEST(ConfigErrorsTest, AdvertsComeFromAnIpv4Address) {
  EXPECT_THAT(ErrorsAdding("vhid", "source = \"2001:db8::1\""),
              ElementsAre("5:10: source \"2001:db8::1\" is not the IPv4 address of a host"));
}

TEST(ConfigErrorsTest, ServiceListensOnVips) {
  EXPECT_THAT(ErrorsWith("10.0.1.201:80", "10.0.1.202:80"),
              ElementsAre("11:11: service \"web\" listens on 10.0.1.202:80, but 10.0.1.202 is the "
                          "address of no [[vip]]; did you mean 10.0.1.201?"));
  EXPECT_THAT(ErrorsWith("\"10.0.1.201:80\"", ""),
              ElementsAre("11:10: listen is empty; it takes a list of ADDRESS:PORT"));
  EXPECT_THAT(ErrorsWith("\"10.0.1.201:80\"", "80"),
              ElementsAre("11:11: listen holds a number; it takes a list of ADDRESS:PORT"));
}

TEST(ConfigErrorsTest, EndpointIsListenedOnOnce) {
  EXPECT_THAT(ErrorsWith("\"10.0.1.201:80\"", "\"10.0.1.201:80\", \"10.0.1.201:80\""),
              ElementsAre("11:28: 10.0.1.201:80 is already used at koi.toml:11"));
  EXPECT_THAT(ErrorsAdding("[[pool]]",
                           "[stats]\nlisten = \"10.0.1.201:80\"\nauth_file = \"/etc/"
                           "koi/stats.auth\""),
              ElementsAre("14:10: 10.0.1.201:80 is already used at koi.toml:11"));
}

TEST(ConfigErrorsTest, ServiceNeedsAPoolOrARedirect) {
  EXPECT_THAT(ErrorsWith("pool = \"web\"\n", ""),
              ElementsAre("9:1: service \"web\" lacks pool = \"NAME\" or redirect = \"https\""));
  EXPECT_THAT(ErrorsWith("pool = \"web\"\n", "mode = \"tcp\"\n"),
              ElementsAre("9:1: service \"web\" lacks pool = \"NAME\""));
}

TEST(ConfigErrorsTest, OnlyAPlainHttpServiceRedirects) {
  EXPECT_THAT(ErrorsWith("pool = \"web\"\n", "mode = \"tcp\"\nredirect = \"https\"\n"),
              ElementsAre("13:12: service \"web\" redirects requests, which only mode = \"http\" "
                          "understands"));
  EXPECT_THAT(ErrorsWith("pool = \"web\"\n",
                         "tls = \"terminate\"\nredirect = \"https\"\ncertificates = [{ chain = "
                         "\"a\", key = \"b\" }]\n"),
              ElementsAre("13:12: service \"web\" redirects to https, which it is itself; redirect "
                          "is for tls = \"off\""));
  EXPECT_THAT(ErrorsAdding("pool = ", "redirect = \"https\""),
              ElementsAre("13:8: service \"web\" redirects every request, so its pool would never "
                          "be used"));
}

TEST(ConfigErrorsTest, TlsTakesExactlyOneCertificate) {
  EXPECT_THAT(ErrorsAdding("pool = ", "tls = \"terminate\""),
              ElementsAre("12:7: service \"web\" terminates TLS and lacks certificates = [{ chain "
                          "= \"FILE\", key = \"FILE\" }]"));
  EXPECT_THAT(ErrorsAdding("pool = ",
                           "tls = \"terminate\"\ncertificates = [{ chain = \"a\", key = "
                           "\"b\" }, { chain = \"c\", key = \"d\" }]"),
              ElementsAre("13:16: service \"web\" has 2 certificates; it takes exactly one"));
  EXPECT_THAT(ErrorsAdding("pool = ", "certificates = [{ chain = \"a\", key = \"b\" }]"),
              ElementsAre("12:16: service \"web\" has certificates, but tls is \"off\"; did you "
                          "mean \"terminate\"?"));
  EXPECT_THAT(ErrorsAdding("pool = ", "tls = \"terminate\"\ncertificates = [{ chain = \"a\" }]"),
              ElementsAre("13:17: certificates of [[service]] lacks \"key\": the path of a file"));
}

TEST(ConfigErrorsTest, NamesAreUsedOnce) {
  EXPECT_THAT(ErrorsAdding("backend", "[[pool]]\nname = \"web\""),
              ElementsAre("16:8: pool name \"web\" is already used at koi.toml:14"));
  EXPECT_THAT(ErrorsAdding("[[pool]]",
                           "[[service]]\nname = \"web\"\nlisten = "
                           "[\"10.0.1.201:81\"]\npool = \"web\""),
              ElementsAre("14:8: service name \"web\" is already used at koi.toml:10"));
  EXPECT_THAT(
      ErrorsWith("backend = [", "backend = [{ name = \"web-1\", address = \"10.0.2.11:8080\" }, "),
      ElementsAre("15:69: backend name \"web-1\" is already used at koi.toml:15",
                  "15:88: backend address 10.0.2.11:8080 is already used at koi.toml:15"));
}

TEST(ConfigErrorsTest, CredentialsAreUserAndPassword) {
  const std::string stats = "[stats]\nlisten = \"127.0.0.1:8404\"\n";
  EXPECT_THAT(ErrorsAdding("[[pool]]", stats + "auth = \"admin\""),
              ElementsAre("15:8: auth does not hold user:password"));
  EXPECT_THAT(ErrorsAdding("[[pool]]", stats + "auth_file = \"no-colon\""),
              ElementsAre("15:13: auth_file does not hold user:password"));
  EXPECT_THAT(ErrorsAdding("[[pool]]", stats + "auth = \"a:b\"\nauth_file = \"x\""),
              ElementsAre("15:8: auth and auth_file are both set; one of them is enough"));
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

// One mistake is said once: what refers to the mistaken thing is not complained about as well.
TEST(ConfigErrorsTest, MistakeIsNotRepeatedWhereItIsReferredTo) {
  EXPECT_THAT(ErrorsWith("[[pool]]\nname = \"web\"", "[[pool]]\nname = \"w b\"").size(), 1u);
  EXPECT_THAT(ErrorsWith("address = \"10.0.1.201\"", "address = \"10.0.1\"").size(), 1u);
  EXPECT_THAT(ErrorsWith("vhid = 42", "vhid = 0").size(), 1u);
}

}  // namespace
}  // namespace koi
