// SPDX-License-Identifier: Apache-2.0
// One direction of a connection whose ends are both plain: bytes pass from socket to socket inside
// the kernel, once there are enough of them to pay for it.
#pragma once

#include <memory>

#include "tls/stream.h"
#include "worker/pipe_pool.h"

namespace koi {

class Splice {
 public:
  explicit Splice(PipePool& pipes) : pipes_(pipes) {}
  Splice(const Splice&) = delete;
  ~Splice() { End(); }

  // Whether the direction's bytes go this way now.
  bool active() const { return active_; }
  // From now on they do, if nothing waits elsewhere to go first.
  void Begin() { active_ = true; }
  void End();

  struct Moved {
    size_t in = 0;   // from the source
    size_t out = 0;  // to the sink
    // kDone: something moved; kAgain: nothing can now; kClosed: the source has ended and all it
    // sent has gone; kFailed: an end is broken, the source where `source_failed`.
    Io io = Io::kAgain;
    bool source_failed = false;
  };
  // Moves what it can in one round. Where too little comes at a time, or there is no pipe, nothing
  // is in it any more and active() turns false.
  Moved Move(Stream& source, Stream& sink);

 private:
  bool Fill(Stream& source, Moved& moved);
  void Drain(Stream& sink, Moved& moved);
  void Rest();
  void Release();

  PipePool& pipes_;
  std::unique_ptr<Pipe> pipe_;  // while bytes are in it, or about to be
  size_t since_dry_ = 0;        // bytes since the source had none
  bool active_ = false;
};

}  // namespace koi
