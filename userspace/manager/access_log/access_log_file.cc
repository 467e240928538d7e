// SPDX-License-Identifier: Apache-2.0
// Appending, and what to do when it fails.
#include "manager/access_log/access_log_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace koi {
namespace {

constexpr size_t kMaxWaitingBytes = size_t{1} << 20;
constexpr Duration kLookInterval = std::chrono::seconds(1);
// What a pipe takes without blocking when poll(2) says that it takes anything (PIPE_BUF).
constexpr size_t kUnblockedBytes = 4096;

uint64_t Lines(absl::string_view text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

void AccessLogFile::Add(absl::string_view line) {
  if (waiting_.size() + line.size() <= kMaxWaitingBytes) {
    waiting_.append(line.data(), line.size());
  } else {
    ++dropped_;
  }
}

bool AccessLogFile::Write(TimePoint now) {
  if (waiting_.empty()) return false;
  if (!path_.empty() && !Open(now)) return false;
  const int fd = path_.empty() ? STDOUT_FILENO : file_.get();
  size_t done = 0;
  while (done < waiting_.size()) {
    pollfd ready = {fd, POLLOUT, 0};
    if (::poll(&ready, 1, 0) != 1) break;
    const size_t bytes = std::min(waiting_.size() - done, kUnblockedBytes);
    const ssize_t result = ::write(fd, waiting_.data() + done, bytes);
    if (result < 0 && (errno == EINTR || errno == EAGAIN)) break;
    if (result < 0) {
      const int error = errno;
      waiting_.erase(0, done);
      Fail(error);
      return false;
    }
    const absl::string_view out =
        absl::string_view(waiting_).substr(done, static_cast<size_t>(result));
    written_ += Lines(out);
    done += out.size();
    const size_t end = waiting_.find('\n', done - 1);
    line_rest_ = end - (done - 1);
  }
  waiting_.erase(0, done);
  if (failing_ && done > 0) {
    failing_ = false;
    LogInfo("access log is written again", {{"path", path_}, {"lost", failing_dropped_}});
  }
  return !waiting_.empty();
}

bool AccessLogFile::Open(TimePoint now) {
  if (file_.valid() && now - looked_ >= kLookInterval) {
    looked_ = now;
    if (Moved()) file_.Close();
  }
  if (file_.valid()) return true;
  if (now < open_again_) {
    Fail(0);
    return false;
  }
  constexpr int kMode = 0640;
  file_ = Fd(::open(path_.c_str(),
                    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, kMode));
  if (!file_.valid()) {
    open_again_ = now + kLookInterval;
    Fail(errno);
    return false;
  }
  looked_ = now;
  waiting_.erase(0, line_rest_);  // its beginning is in another file
  line_rest_ = 0;
  return true;
}

bool AccessLogFile::Moved() const {
  struct stat there = {};
  struct stat ours = {};
  return ::stat(path_.c_str(), &there) != 0 || ::fstat(file_.get(), &ours) != 0 ||
         there.st_ino != ours.st_ino || there.st_dev != ours.st_dev;
}

// Drops what waits, but for the rest of a line that is written by half.
void AccessLogFile::Fail(int error) {
  const uint64_t lost = Lines(absl::string_view(waiting_).substr(line_rest_));
  waiting_.resize(line_rest_);
  dropped_ += lost;
  failing_dropped_ = (failing_ ? failing_dropped_ : 0) + lost;
  if (failing_) return;
  failing_ = true;
  LogError("access log cannot be written: its lines are lost",
           {{"path", path_.empty() ? "stdout" : path_}, {"why", std::strerror(error)}});
}

}  // namespace koi
