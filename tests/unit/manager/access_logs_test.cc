// SPDX-License-Identifier: Apache-2.0
// Access logs from the workers' pipes to files, through renamed files, full disks and a dead
// manager.
#include "manager/access_log/access_logs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "net/event_loop.h"
#include "protocol/access_lines.h"

namespace koi {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

class AccessLogsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "access_logs_" + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
    Begin();
    logs_->Follow(Config());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A manager, which finds what the one before it has left with the keeper.
  void Begin() {
    logs_ = std::make_unique<AccessLogs>(*loop_, [this](absl::string_view name, int fd) {
      held_[std::string(name)] = Fd::DuplicateOf(fd).value();
    });
    out_ = logs_->AddCpu(0, held_).value();
  }
  koi::Config Config() const {
    koi::Config config;
    config.services.push_back({.number = 7, .name = "web", .access_log = folder_ + "/web.log"});
    config.services.push_back({.number = 8, .name = "api", .access_log = folder_ + "/api.log"});
    return config;
  }
  bool Send(uint32_t service, const std::string& text) {
    char prefix[kMaxAccessPrefix];
    const std::string line =
        absl::StrCat(absl::string_view(prefix, WriteAccessPrefix(service, prefix)), text, "\n");
    return ::write(out_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
  }
  void Turn() { loop_->Turn(std::chrono::milliseconds(1)); }
  std::string File(const std::string& name) const {
    return ReadFile(absl::StrCat(folder_, "/", name), 8 << 20).value_or("");
  }

  std::string folder_;
  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  std::map<std::string, Fd> held_;
  std::unique_ptr<AccessLogs> logs_;
  Fd out_;
};

TEST_F(AccessLogsTest, EachServicesLinesGoToItsFile) {
  ASSERT_TRUE(Send(7, "{\"a\":1}") && Send(8, "{\"b\":2}") && Send(7, "{\"c\":3}"));
  ASSERT_TRUE(Send(9, "{\"nobody's\":0}") && Send(kAccessLinesLost, "40"));
  Turn();
  EXPECT_EQ(File("web.log"), "{\"a\":1}\n{\"c\":3}\n");
  EXPECT_EQ(File("api.log"), "{\"b\":2}\n");
  EXPECT_EQ(logs_->written(), 3u);
  EXPECT_EQ(logs_->dropped(), 41u);
  struct stat made = {};
  ASSERT_EQ(::stat((folder_ + "/web.log").c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0640u);
}

TEST_F(AccessLogsTest, LinesSentWhileThereIsNoManagerAreWrittenByTheNext) {
  ASSERT_TRUE(Send(7, "{\"before\":1}"));
  Turn();
  logs_.reset();
  ASSERT_TRUE(Send(7, "{\"meanwhile\":1}"));
  Begin();
  logs_->Follow(Config());
  Turn();
  EXPECT_EQ(File("web.log"), "{\"before\":1}\n{\"meanwhile\":1}\n");
}

TEST_F(AccessLogsTest, MovedFileIsLeftAndReloadOpensAnew) {
  ASSERT_TRUE(Send(7, "{\"old\":1}"));
  Turn();
  std::filesystem::rename(folder_ + "/web.log", folder_ + "/web.log.1");
  logs_->Follow(Config());
  ASSERT_TRUE(Send(7, "{\"new\":1}"));
  Turn();
  EXPECT_EQ(File("web.log.1"), "{\"old\":1}\n");
  EXPECT_EQ(File("web.log"), "{\"new\":1}\n");
}

TEST_F(AccessLogsTest, FileThatWasMovedIsNoticedWithinASecond) {
  AccessLogFile file(folder_ + "/alone.log");
  const TimePoint start = Now();
  file.Add("1\n");
  EXPECT_FALSE(file.Write(start));
  std::filesystem::rename(folder_ + "/alone.log", folder_ + "/alone.log.1");
  file.Add("2\n");
  EXPECT_FALSE(file.Write(start + std::chrono::seconds(1)));
  EXPECT_EQ(File("alone.log.1"), "1\n");
  EXPECT_EQ(File("alone.log"), "2\n");
}

TEST_F(AccessLogsTest, FullDiskLosesLinesAndIsSaidOnce) {
  AccessLogFile file("/dev/full");
  const TimePoint now = Now();
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) {
    file.Add("line\nline\n");
    EXPECT_FALSE(file.Write(now));
  }
  EXPECT_EQ(file.dropped(), 6u);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, EndsWith("access log cannot be written: its lines are lost path=/dev/full "
                             "why=\"No space left on device\"\n"));
  EXPECT_EQ(said.find('\n'), said.size() - 1);
}

TEST_F(AccessLogsTest, FolderThatComesLaterIsWrittenTo) {
  const std::string path = folder_ + "/later/web.log";
  AccessLogFile file(path);
  const TimePoint start = Now();
  file.Add("lost\n");
  EXPECT_FALSE(file.Write(start));
  std::filesystem::create_directories(folder_ + "/later");
  file.Add("lost too\n");
  EXPECT_FALSE(file.Write(start));  // it does not try again with every line
  file.Add("kept\n");
  EXPECT_FALSE(file.Write(start + std::chrono::seconds(2)));
  EXPECT_EQ(File("later/web.log"), "kept\n");
  EXPECT_EQ(file.dropped(), 2u);
}

TEST_F(AccessLogsTest, LineThatFitsOnlyByHalfIsCompletedWhenThereIsRoom) {
  // A pipe that is read slowly, as a container's log is, stands for what blocks.
  const std::string path = folder_ + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const Fd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  AccessLogFile file(path);
  const std::string line = std::string(999, 'x') + "\n";
  for (int i = 0; i < 100; ++i) file.Add(line);
  EXPECT_TRUE(file.Write(Now()));
  std::string got;
  char bytes[8192];
  for (bool waiting = true; waiting;) {
    for (ssize_t read = 0; (read = ::read(reader.get(), bytes, sizeof(bytes))) > 0;) {
      got.append(bytes, static_cast<size_t>(read));
    }
    waiting = file.Write(Now());
  }
  for (ssize_t read = 0; (read = ::read(reader.get(), bytes, sizeof(bytes))) > 0;) {
    got.append(bytes, static_cast<size_t>(read));
  }
  std::string all;
  for (int i = 0; i < 100; ++i) all += line;
  EXPECT_EQ(got, all);
  EXPECT_EQ(file.written(), 100u);
}

}  // namespace
}  // namespace koi
