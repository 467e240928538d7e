// SPDX-License-Identifier: Apache-2.0
// Memory for a process of one thread: lists of free pieces by size, and pages given back to the
// kernel. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace koi {

// Memory is mapped in spans, each cut into pieces of one size; which span a piece is of follows
// from its address, so pieces carry no header. Of the spans without a piece in use those that
// became empty last are kept for the next burst, whatever their size; the others go back to the
// kernel.
class Allocator {
 public:
  static constexpr size_t kSpanBytes = size_t{512} << 10;
  static constexpr size_t kLargestPiece = size_t{128} << 10;  // more is mapped for itself
  static constexpr size_t kKeptSpans = 16;

  constexpr Allocator() = default;
  Allocator(const Allocator&) = delete;

  // 16-byte aligned, not zeroed. nullptr: the kernel has no more. Zero bytes are a piece too.
  void* Allocate(size_t bytes);
  // `memory` is of this allocator, or nullptr.
  void Free(void* memory);
  // As realloc(3): nullptr is allocated, what cannot grow in place moves.
  void* Reallocate(void* memory, size_t bytes);

  // Gives back also what is kept.
  void ReleaseKept();
  size_t mapped_bytes() const { return mapped_bytes_; }

 private:
  // Sixteen bytes apart up to 128, then eight to a doubling: an eighth is wasted at most.
  static constexpr size_t kClasses = 8 + 8 * 10;
  struct Span;
  struct FreePiece;

  static size_t ClassOf(size_t bytes);
  static constexpr size_t ClassBytes(size_t index);

  void* AllocateWhole(size_t bytes);
  Span* NewSpan(size_t index);
  Span* Map(size_t bytes);
  void Unmap(Span* span);
  void Link(Span* span);
  void LinkLast(Span* span);
  void Unlink(Span* span);
  // Among the empty ones.
  void Keep(Span* span);
  void Unkeep(Span* span);

  // Of a size, the spans with a free piece: first those in use, then the empty ones.
  struct List {
    Span* first = nullptr;
    Span* last = nullptr;
  };
  std::array<List, kClasses> open_ = {};
  // Spans without a piece in use.
  Span* kept_first_ = nullptr;  // empty for the longest time
  Span* kept_last_ = nullptr;
  size_t kept_ = 0;
  size_t mapped_bytes_ = 0;
};

}  // namespace koi
