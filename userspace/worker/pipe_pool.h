// SPDX-License-Identifier: Apache-2.0
// Pipes of the kernel's, through which splice(2) moves bytes from socket to socket.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/fd.h"

namespace koi {

struct Pipe {
  Fd read_end;
  Fd write_end;
  size_t bytes = 0;  // in it
};

// Bounded: each takes two descriptors, and the kernel gives a user's pipes beyond some number next
// to no room.
class PipePool {
 public:
  // An empty one; nullptr where kMaxPipes are in use, or the kernel gives none.
  std::unique_ptr<Pipe> Take();
  // Gives one back. One that holds bytes of an ended connection is closed.
  void Give(std::unique_ptr<Pipe> pipe);

 private:
  std::vector<std::unique_ptr<Pipe>> spare_;
  size_t in_use_ = 0;
};

}  // namespace koi
