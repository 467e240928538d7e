// SPDX-License-Identifier: Apache-2.0
// Lines on their way to koi-manager, which puts them where they belong: one pipe, whole lines, and
// never a wait.
#pragma once

#include <cstdint>
#include <memory>

#include "base/fd.h"
#include "net/event_loop.h"
#include "worker/access/access_line.h"

namespace koi {

// Lines of one turn of the loop leave together, by as few writes as can be whole (kAccessLineBytes
// each): workers that share a pipe never mix theirs. What does not fit into the pipe is dropped and
// counted, which the pipe's reader is told as soon as there is room: a log that nobody takes must
// not cost a client anything.
class AccessLog {
 public:
  // `pipe` does not block.
  AccessLog(EventLoop& loop, Fd pipe) : loop_(loop), pipe_(std::move(pipe)) {}
  ~AccessLog() { Flush(); }

  // `service` is the number of the record's service.
  void Write(uint32_t service, const AccessRecord& record, const AccessEnd& end);

 private:
  void Flush();
  bool TellLost();

  EventLoop& loop_;
  Fd pipe_;
  AccessClock clock_;
  std::unique_ptr<char[]> batch_;  // until the first line there is none
  size_t size_ = 0;
  uint64_t lines_ = 0;
  uint64_t lost_ = 0;  // and not told yet
  EventLoop::Timer flush_;
};

}  // namespace koi
