// SPDX-License-Identifier: Apache-2.0
// Bytes between a read and a write.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include "absl/strings/string_view.h"
#include "worker/limits.h"

namespace koi {

// Holds memory only while it holds bytes or is read into.
class Buffer {
 public:
  bool empty() const { return begin_ == end_; }
  size_t size() const { return end_ - begin_; }
  absl::string_view bytes() const { return {memory_.get() + begin_, size()}; }
  // Nothing more is to be read into it before some is taken.
  bool full() const { return size() >= kBufferBytes; }

  // Room to read into, up to `most` in all; not when there is as much already.
  char* Room(size_t& bytes, size_t most = kBufferBytes) {
    if (memory_ == nullptr || most > capacity_ - begin_) MakeRoom(most);
    bytes = most - size();
    return memory_.get() + end_;
  }
  // So many bytes were read into the room.
  void Added(size_t bytes) { end_ += bytes; }

  // For what has a bound of its own, a head or a chunk's size: may go beyond full().
  void Append(absl::string_view bytes) {
    if (bytes.empty()) return;
    if (capacity_ - end_ < bytes.size()) MakeRoom(std::max(kBufferBytes, size() + bytes.size()));
    std::memcpy(memory_.get() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
  }

  // Drops bytes from the front. Views into bytes() stay valid until something is added.
  void Take(size_t bytes) {
    begin_ += bytes;
    if (empty()) begin_ = end_ = 0;
  }
  void Clear() { begin_ = end_ = 0; }
  // Gives the memory back, if nothing is in it.
  void Release() {
    if (!empty()) return;
    memory_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  // Moves what is there to the front of at least `wanted` bytes.
  void MakeRoom(size_t wanted) {
    const size_t kept = size();
    if (capacity_ >= wanted) {
      std::memmove(memory_.get(), memory_.get() + begin_, kept);
    } else {
      std::unique_ptr<char[]> larger(new char[wanted]);  // not zeroed: it is written before read
      if (kept > 0) std::memcpy(larger.get(), memory_.get() + begin_, kept);
      memory_ = std::move(larger);
      capacity_ = wanted;
    }
    begin_ = 0;
    end_ = kept;
  }

  std::unique_ptr<char[]> memory_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace koi
