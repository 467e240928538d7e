// SPDX-License-Identifier: Apache-2.0
// Socket, pipe, socket.
#include "worker/tcp/splice.h"

#include "worker/limits.h"

namespace koi {

Splice::Moved Splice::Move(Stream& source, Stream& sink) {
  Moved moved;
  // A pipe that is full and a socket that is empty look alike, so it is filled only when empty.
  if (pipe_ == nullptr || pipe_->bytes == 0) {
    if (!Fill(source, moved)) return moved;
  }
  Drain(sink, moved);
  return moved;
}

// False: there is nothing to drain.
bool Splice::Fill(Stream& source, Moved& moved) {
  if (!source.readable()) {
    Rest();
    return false;
  }
  if (pipe_ == nullptr) pipe_ = pipes_.Take();
  if (pipe_ == nullptr) {
    active_ = false;  // the buffers' turn: the source is as it was
    moved.io = Io::kDone;
    return false;
  }
  moved.io = source.SpliceTo(pipe_->write_end.get(), kSpliceBytes, moved.in);
  if (moved.io == Io::kDone) {
    pipe_->bytes += moved.in;
    since_dry_ += moved.in;
    return true;
  }
  moved.source_failed = moved.io == Io::kFailed;
  Rest();
  return false;
}

// The source has nothing now. Two calls more a wake-up instead of a copy pay off for many bytes
// alone.
void Splice::Rest() {
  Release();
  if (since_dry_ > 0 && since_dry_ < kSpliceWorthwhile) active_ = false;
  since_dry_ = 0;
}

void Splice::Drain(Stream& sink, Moved& moved) {
  const Io io = sink.SpliceFrom(pipe_->read_end.get(), pipe_->bytes, moved.out);
  if (io == Io::kDone) pipe_->bytes -= moved.out;
  if (io == Io::kDone || moved.in > 0) {
    moved.io = Io::kDone;
  } else {
    moved.io = Io::kAgain;
  }
  if (io == Io::kFailed || io == Io::kClosed) moved.io = Io::kFailed;
}

void Splice::Release() {
  if (pipe_ != nullptr) pipes_.Give(std::move(pipe_));
}

void Splice::End() {
  Release();
  active_ = false;
}

}  // namespace koi
