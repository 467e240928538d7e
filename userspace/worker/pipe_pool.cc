// SPDX-License-Identifier: Apache-2.0
// Making and keeping pipes.
#include "worker/pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include "worker/limits.h"

namespace koi {

std::unique_ptr<Pipe> PipePool::Take() {
  if (in_use_ == kMaxPipes) return nullptr;
  std::unique_ptr<Pipe> pipe;
  if (!spare_.empty()) {
    pipe = std::move(spare_.back());
    spare_.pop_back();
  } else {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
    pipe = std::make_unique<Pipe>(Pipe{.read_end = Fd(ends[0]), .write_end = Fd(ends[1])});
  }
  ++in_use_;
  return pipe;
}

void PipePool::Give(std::unique_ptr<Pipe> pipe) {
  --in_use_;
  if (pipe->bytes == 0 && spare_.size() < kSparePipes) spare_.push_back(std::move(pipe));
}

}  // namespace koi
