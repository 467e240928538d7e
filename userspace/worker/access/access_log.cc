// SPDX-License-Identifier: Apache-2.0
// Batches of lines into the pipe.
#include "worker/access/access_log.h"

#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstring>

#include "protocol/access_lines.h"

namespace koi {
namespace {

Duration WallClock() {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

void AccessLog::Write(uint32_t service, const AccessRecord& record, const AccessEnd& end) {
  if (batch_ == nullptr) batch_.reset(new char[2 * kAccessLineBytes]);
  if (lines_ == 0) {
    clock_.Set(end.now, WallClock());
    flush_ = loop_.At(loop_.now(), [this] { Flush(); });
  }
  char* const at = batch_.get() + size_;
  const size_t prefix = WriteAccessPrefix(service, at);
  const size_t bytes = prefix + WriteAccessLine(record, end, clock_, at + prefix);
  if (size_ + bytes > kAccessLineBytes) {
    Flush();
    std::memmove(batch_.get(), at, bytes);
    flush_ = loop_.At(loop_.now(), [this] { Flush(); });
  }
  size_ += bytes;
  ++lines_;
}

void AccessLog::Flush() {
  flush_.Cancel();
  if (lines_ == 0) return;
  // All or nothing, since it is not more than PIPE_BUF.
  if (!TellLost() || ::write(pipe_.get(), batch_.get(), size_) < 0) lost_ += lines_;
  size_ = 0;
  lines_ = 0;
}

bool AccessLog::TellLost() {
  if (lost_ == 0) return true;
  char line[kMaxAccessPrefix + 24];
  const size_t prefix = WriteAccessPrefix(kAccessLinesLost, line);
  char* const end = std::to_chars(line + prefix, line + sizeof(line) - 1, lost_).ptr;
  *end = '\n';
  const auto bytes = static_cast<size_t>(end - line) + 1;
  if (::write(pipe_.get(), line, bytes) < 0) return false;
  lost_ = 0;
  return true;
}

}  // namespace koi
