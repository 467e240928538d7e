// SPDX-License-Identifier: Apache-2.0
// koi check.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "typed.h"

namespace koi {
namespace {

class CheckTest : public testing::Test {
 protected:
  CheckTest() {
    std::string name = testing::TempDir() + "koi-check-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~CheckTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(folder_, "/", name);
    EXPECT_TRUE(MakeDirectories(std::filesystem::path(path).parent_path().string()).ok());
    EXPECT_TRUE(WriteFile(path, text).ok());
    return path;
  }

  std::string folder_;
};

constexpr char kValid[] = "version = 1\n[node]\ninterface = \"eth0\"\n";

TEST_F(CheckTest, ValidConfigurationIsSaidOnOut) {
  const Said said = Typed("check " + Write("koi.toml", kValid));
  EXPECT_EQ(said.code, kExitOk);
  EXPECT_EQ(said.out, "valid: 0 VIPs, 0 services, 0 pools, 0 backends\n");
  EXPECT_EQ(said.talk, "");
}

TEST_F(CheckTest, AllErrorsAreSaidOnTalk) {
  const std::string path = Write("koi.toml", "version = 2\n[node]\ninterfce = \"eth0\"\n");
  const Said said = Typed("check " + path);
  EXPECT_EQ(said.code, kExitConfigInvalid);
  EXPECT_EQ(said.out, "");
  EXPECT_EQ(said.talk,
            absl::StrCat(
                path, ":1:11: version 2 is not the number 1\n  version = 2\n            ^\n", path,
                ":3:1: unknown key \"interfce\" in [node]; did you mean \"interface\"?\n  "
                "interfce = \"eth0\"\n  ^\n2 errors\n"));
}

TEST_F(CheckTest, FolderIsReadWithItsConfD) {
  Write("koi.toml", kValid);
  Write("conf.d/pool.toml", "[[pool]]\nname = \"web\"\n");
  const Said said = Typed("check " + folder_);
  EXPECT_EQ(said.code, kExitOk);
  EXPECT_EQ(said.out, "valid: 0 VIPs, 0 services, 1 pool, 0 backends\n");
  EXPECT_EQ(said.talk, absl::StrCat("warning: ", folder_,
                                    "/conf.d/pool.toml:2:8: pool \"web\" is used by no service\n"));
}

TEST_F(CheckTest, SeveralFilesAreOneConfiguration) {
  const std::string a = Write("a.toml", kValid);
  const std::string b = Write("b.toml", "[xdp]\nmode = \"generic\"\n");
  EXPECT_EQ(Typed(absl::StrCat("check ", a, " ", b)).code, kExitOk);
}

TEST_F(CheckTest, MissingFileIsAnError) {
  const Said said = Typed("check /nonexistent.toml");
  EXPECT_EQ(said.code, kExitConfigInvalid);
  EXPECT_EQ(said.talk,
            "cannot open /nonexistent.toml: No such file or directory\n"
            "1 error\n");
}

TEST_F(CheckTest, JsonHasPlaceAndMessageOfEachError) {
  const std::string path = Write("koi.toml", "version = 2\n[node]\ninterface = \"eth0\"\n");
  const Said said = Typed("check -o json " + path);
  EXPECT_EQ(said.code, kExitConfigInvalid);
  EXPECT_EQ(said.talk, "");
  EXPECT_EQ(said.out,
            absl::StrCat("{\n  \"valid\": false,\n  \"errors\": [\n    {\n      \"file\": \"", path,
                         "\",\n      \"line\": 1,\n      \"column\": 11,\n      "
                         "\"message\": \"version 2 is not the number 1\"\n    }\n  ],\n  "
                         "\"warnings\": []\n}\n"));
}

}  // namespace
}  // namespace koi
