// SPDX-License-Identifier: Apache-2.0
// Which files make up a configuration, and how several become one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "config_text.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ConfigFilesTest : public testing::Test {
 protected:
  ConfigFilesTest() {
    std::string name = testing::TempDir() + "koi-config-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~ConfigFilesTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(folder_, "/", name);
    EXPECT_TRUE(MakeDirectories(std::filesystem::path(path).parent_path().string()).ok());
    EXPECT_TRUE(WriteFile(path, text).ok());
    return path;
  }

  std::string folder_;
};

TEST_F(ConfigFilesTest, FolderIsItsKoiTomlAndItsConfDInOrder) {
  Write("koi.toml", "");
  Write("conf.d/20-b.toml", "");
  Write("conf.d/10-a.toml", "");
  Write("conf.d/README", "");
  Write("conf.d/.hidden.toml", "");
  EXPECT_THAT(ConfigFiles(folder_),
              ElementsAre(folder_ + "/koi.toml", folder_ + "/conf.d/10-a.toml",
                          folder_ + "/conf.d/20-b.toml"));
}

TEST_F(ConfigFilesTest, FileIsOneAlone) {
  const std::string path = Write("koi.toml", "");
  Write("conf.d/a.toml", "");
  EXPECT_THAT(ConfigFiles(path), ElementsAre(path));
}

TEST_F(ConfigFilesTest, FolderWithoutKoiTomlIsAnErrorNotDefaults) {
  const ConfigResult result = LoadConfig(ConfigFiles(folder_));
  EXPECT_FALSE(result.config.has_value());
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(result.errors[0].ToString(),
            absl::StrCat("cannot open ", folder_, "/koi.toml: No such file or directory"));
}

TEST_F(ConfigFilesTest, NoFileAtAllIsAnError) {
  const ConfigResult result = LoadConfig({});
  EXPECT_FALSE(result.config.has_value());
  EXPECT_FALSE(result.errors.empty());
}

TEST_F(ConfigFilesTest, SeveralFilesAreOneConfiguration) {
  Write("carp.key", "foobar23\n");
  Write("koi.toml", kSmallConfig);
  Write("conf.d/more.toml",
        "[[service]]\nname = \"api\"\nlisten = [\"10.0.1.201:81\"]\npool = \"web\"\n");
  const ConfigResult result = LoadConfig(ConfigFiles(folder_));
  for (const ConfigError& error : result.errors) ADD_FAILURE() << error.ToString();
  ASSERT_TRUE(result.config.has_value());
  ASSERT_EQ(result.config->services.size(), 2u);
  EXPECT_EQ(result.config->services[1].name, "api");
}

TEST_F(ConfigFilesTest, TableThatStandsOnceStandsInOneFile) {
  const ConfigResult result =
      ParseConfig({{"koi.toml", kSmallConfig}, {"conf.d/x.toml", "[node]\ninterface = \"eth1\"\n"}},
                  ReadTestFile);
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(result.errors[0].ToString(),
            "conf.d/x.toml:1:1: [node] stands already at koi.toml:2\n  [node]\n  ^");
}

TEST_F(ConfigFilesTest, SyntaxErrorOfEachFileIsReported) {
  const ConfigResult result =
      ParseConfig({{"a.toml", "x"}, {"b.toml", "vhidd = 1\n"}, {"c.toml", "= 1"}}, ReadTestFile);
  ASSERT_EQ(result.errors.size(), 3u);
  EXPECT_EQ(result.errors[0].file, "a.toml");
  EXPECT_EQ(result.errors[1].message, "unknown key \"vhidd\"");
  EXPECT_EQ(result.errors[2].file, "c.toml");
}

TEST_F(ConfigFilesTest, NamedFileThatIsAFolderIsRefused) {
  const std::string path =
      Write("koi.toml", absl::StrReplaceAll(kSmallConfig, {{"carp.key", "conf.d"}}));
  Write("conf.d/a.toml", "");
  const ConfigResult result = LoadConfig({path});
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(result.errors[0].message,
            absl::StrCat("password_file: ", folder_, "/conf.d is a folder, not a file"));
}

TEST_F(ConfigFilesTest, CertificatesAreOnlyNamed) {
  Write("carp.key", "foobar23\n");
  const std::string path =
      Write("koi.toml",
            absl::StrReplaceAll(kSmallConfig, {{"pool = \"web\"",
                                                "pool = \"web\"\ntls = \"terminate\"\ncertificates "
                                                "= [{ chain = \"a.pem\", key = \"/b.key\" }]"}}));
  const ConfigResult result = LoadConfig({path});
  EXPECT_THAT(result.errors, IsEmpty());
  ASSERT_TRUE(result.config.has_value());
  EXPECT_EQ(result.config->services[0].certificates[0].chain_file, folder_ + "/a.pem");
  EXPECT_EQ(result.config->services[0].certificates[0].key_file, "/b.key");
}

TEST_F(ConfigFilesTest, SecretThatAskersMayNotReadIsNotCheckedAndSaid) {
  const ConfigFileReader forbidden = [](const std::string& path) -> absl::StatusOr<std::string> {
    return absl::PermissionDeniedError(absl::StrCat("cannot open ", path, ": Permission denied"));
  };
  const std::vector<ConfigSource> sources = {{"koi.toml", kSmallConfig}};
  const ConfigResult asked = ParseConfig(sources, forbidden, Secrets::kIfPermitted);
  EXPECT_TRUE(asked.config.has_value());
  EXPECT_THAT(asked.warnings,
              ElementsAre("koi.toml:6:17: password_file is not checked: cannot open carp.key: "
                          "Permission denied"));
  EXPECT_FALSE(ParseConfig(sources, forbidden).config.has_value()) << "a node needs it";
}

}  // namespace
}  // namespace koi
