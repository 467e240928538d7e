// SPDX-License-Identifier: Apache-2.0
// What may be typed, and what is said when something else is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/usage.h"
#include "typed.h"

namespace koi {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(CommandLineTest, EachCommandHasHelp) {
  for (const Command& command : Commands()) {
    SCOPED_TRACE(command.name);
    const Said said = Typed(absl::StrCat(command.name, " --help"));
    EXPECT_EQ(said.code, kExitOk);
    EXPECT_EQ(said.talk, "");
    EXPECT_THAT(said.out, StartsWith(absl::StrCat("Usage: koi ", command.name)));
    EXPECT_THAT(said.out, HasSubstr(std::string(command.usage)));
    EXPECT_THAT(said.out, HasSubstr(absl::StrCat("\n\n", command.help, "\n\n")));
    EXPECT_THAT(said.out, HasSubstr("--socket PATH"));
    EXPECT_TRUE(command.help.back() == '.') << "help is a sentence";
  }
}

TEST(CommandLineTest, EachCommandTakesTheCommonOptions) {
  for (const Command& command : Commands()) {
    SCOPED_TRACE(command.name);
    std::string line(command.name);
    for (const UsagePart& part : ParseUsage(command.usage)) {
      const bool option =
          part.kind == UsagePart::Kind::kOption || part.kind == UsagePart::Kind::kFlag;
      if (option || !part.required) continue;
      const bool prefix = part.name == "PREFIX";
      absl::StrAppend(&line, absl::EndsWith(part.name, ":PORT") ? " 192.0.2.1:80"
                             : prefix                           ? " 192.0.2.1"
                                                                : " 1");
    }
    EXPECT_NE(Typed(line + " -o json --socket /nonexistent/koi.sock").code, kExitUsage);
  }
}

TEST(CommandLineTest, HelpOfKoiListsEachCommand) {
  const Said said = Typed("--help");
  EXPECT_EQ(said.code, kExitOk);
  for (const Command& command : Commands()) {
    EXPECT_THAT(said.out, HasSubstr(absl::StrCat("\n  koi ", command.name)));
    EXPECT_THAT(said.out, HasSubstr(absl::StrCat("  ", command.help, "\n")));
  }
}

TEST(CommandLineTest, HelpOfANounListsItsVerbs) {
  const Said said = Typed("backend --help");
  EXPECT_EQ(said.code, kExitOk);
  EXPECT_THAT(said.out, StartsWith("Usage: koi backend COMMAND [OPTIONS]\n"));
  EXPECT_THAT(said.out, HasSubstr("\n  koi backend drain POOL NAME "));
  EXPECT_THAT(said.out, ::testing::Not(HasSubstr("koi vip")));
}

TEST(CommandLineTest, WrongLinesAreSaidOnTalkWithTheUsageExitCode) {
  const std::pair<const char*, const char*> cases[] = {
      {"",
       "koi: a command is missing: status, health, check, diff, reload, backend, service, "
       "worker, cert, deny, vip, stats, explain, cleanup, doctor, version\nSee: koi "
       "--help\n"},
      {"statsu",
       "koi: there is no command \"statsu\"; did you mean \"status\"?\nSee: koi --help\n"},
      {"backend",
       "koi: a command is missing: list, add, drain, undrain, weight, remove\nSee: koi backend "
       "--help\n"},
      {"backend drian web web-1",
       "koi: there is no command \"backend drian\"; did you mean \"drain\"?\nSee: koi backend "
       "--help\n"},
      {"backend drain web", "koi: NAME is required\nSee: koi backend drain --help\n"},
      {"backend drain web web-1 web-2",
       "koi: The following argument was not expected: web-2\nSee: koi backend drain --help\n"},
      {"status --frob",
       "koi: The following argument was not expected: --frob\nSee: koi status --help\n"},
      {"status -o xml", "koi: --output: xml not in {table,json}\nSee: koi status --help\n"},
  };
  for (const auto& [line, talk] : cases) {
    SCOPED_TRACE(line);
    const Said said = Typed(line);
    EXPECT_EQ(said.code, kExitUsage);
    EXPECT_EQ(said.talk, talk);
    EXPECT_EQ(said.out, "");
  }
}

TEST(CommandLineTest, VersionIsSaid) {
  EXPECT_EQ(Typed("version").out, "koi " KOI_VERSION "\n");
  EXPECT_EQ(Typed("-o json version").out, "{\n  \"version\": \"" KOI_VERSION "\"\n}\n");
}

TEST(CommandLineTest, NobodyAtTheSocketIsUnreachable) {
  for (const char* line :
       {"status", "stats", "backend list", "worker list", "vip list", "backend drain a b"}) {
    SCOPED_TRACE(line);
    const Said said = Typed(absl::StrCat(line, " --socket /nonexistent/koi.sock"));
    EXPECT_EQ(said.code, kExitUnreachable);
    EXPECT_EQ(said.talk,
              "koi: cannot reach koi-manager at /nonexistent/koi.sock: No such file or directory; "
              "is koid running?\n");
  }
}

TEST(CommandLineTest, SocketIsTakenFromTheEnvironment) {
  ASSERT_EQ(::setenv("KOI_SOCKET", "/nonexistent/of-env.sock", 1), 0);
  EXPECT_THAT(Typed("status").talk, HasSubstr("/nonexistent/of-env.sock"));
  EXPECT_THAT(Typed("status --socket /nonexistent/x").talk, HasSubstr("/nonexistent/x:"));
  ::unsetenv("KOI_SOCKET");
}

}  // namespace
}  // namespace koi
