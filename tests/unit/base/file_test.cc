// SPDX-License-Identifier: Apache-2.0
// Whole files: read within a limit, replaced in one step.
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace koi {
namespace {

class FileTest : public testing::Test {
 protected:
  std::string directory = absl::StrCat(testing::TempDir(), "koi-file-test-", ::getpid());
  std::string path = absl::StrCat(directory, "/deep/file");
  void SetUp() override { ASSERT_TRUE(MakeDirectories(absl::StrCat(directory, "/deep")).ok()); }
  void TearDown() override {
    ::unlink(path.c_str());
    ::rmdir(absl::StrCat(directory, "/deep").c_str());
    ::rmdir(directory.c_str());
  }
};

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  ASSERT_TRUE(WriteFile(path, "first").ok());
  ASSERT_TRUE(WriteFile(path, "second", 0600).ok());
  EXPECT_EQ(*ReadFile(path), "second");
  struct stat status;
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(FileTest, SaysWhichFileIsMissing) {
  EXPECT_TRUE(absl::IsNotFound(ReadFile(path).status()));
  EXPECT_NE(ReadFile(path).status().message().find(path), absl::string_view::npos);
}

TEST_F(FileTest, RefusesAtOnceWhatIsNoFile) {
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(ReadFile(path).status().message(), absl::StrCat(path, " is not a file"));
  EXPECT_EQ(ReadFile(directory).status().message(),
            absl::StrCat(directory, " is a folder, not a file"));
}

TEST_F(FileTest, RefusesWhatIsLargerThanTheLimit) {
  ASSERT_TRUE(WriteFile(path, std::string(101, 'x')).ok());
  EXPECT_TRUE(ReadFile(path, 101).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(ReadFile(path, 100).status()));
}

}  // namespace
}  // namespace koi
