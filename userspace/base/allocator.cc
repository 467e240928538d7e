// SPDX-License-Identifier: Apache-2.0
// Spans of pieces.
#include "base/allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace koi {

struct Allocator::FreePiece {
  FreePiece* next;
};

// At the start of its memory, the pieces behind it.
struct alignas(64) Allocator::Span {
  uint32_t magic;
  uint32_t index;        // of its size; kClasses: one piece of any size
  uint32_t used;         // pieces
  uint32_t piece_bytes;  // of kClasses: unused
  FreePiece* free;       // pieces that were used before
  char* fresh;           // the first piece that never was
  size_t bytes;          // all of it
  Span* next;
  Span* previous;
  bool open;  // in its list
  // While it is empty.
  Span* kept_before;
  Span* kept_after;
};

namespace {

constexpr uint32_t kSpanMagic = 0x6b6f6931;
constexpr size_t kPageBytes = 4096;

size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

size_t Allocator::ClassOf(size_t bytes) {
  if (bytes <= 128) return bytes == 0 ? 0 : (bytes - 1) / 16;
  // The doubling above 128 that it is in, and the eighth of that.
  const size_t last = bytes - 1;
  const auto doubling = static_cast<size_t>(std::bit_width(last)) - 8;
  return 8 + doubling * 8 + ((last >> (doubling + 4)) & 7);
}

constexpr size_t Allocator::ClassBytes(size_t index) {
  if (index < 8) return (index + 1) * 16;
  const size_t doubling = (index - 8) / 8;
  const size_t eighth = (index - 8) % 8;
  return (size_t{128} + (eighth + 1) * 16) << doubling;
}

void* Allocator::Allocate(size_t bytes) {
  if (bytes > kLargestPiece) return AllocateWhole(bytes);
  const size_t index = ClassOf(bytes);
  Span* span = open_[index].first;
  if (span == nullptr) {
    span = NewSpan(index);
    if (span == nullptr) return nullptr;
  }
  void* piece = span->free;
  if (piece != nullptr) {
    span->free = span->free->next;
  } else {
    piece = span->fresh;
    span->fresh += span->piece_bytes;
  }
  if (span->used++ == 0) Unkeep(span);
  const char* end = reinterpret_cast<const char*>(span) + kSpanBytes;
  if (span->free == nullptr && span->fresh + span->piece_bytes > end) Unlink(span);
  return piece;
}

void Allocator::Free(void* memory) {
  if (memory == nullptr) return;
  auto* span = reinterpret_cast<Span*>(reinterpret_cast<uintptr_t>(memory) & ~(kSpanBytes - 1));
  KOI_CHECK(span->magic == kSpanMagic);  // else it is not of this allocator
  if (span->index == kClasses) return Unmap(span);
  auto* piece = static_cast<FreePiece*>(memory);
  piece->next = span->free;
  span->free = piece;
  if (!span->open) Link(span);
  if (--span->used > 0) return;
  Unlink(span);
  LinkLast(span);
  Keep(span);
  if (kept_ <= kKeptSpans) return;
  // Not this one, which is the likeliest to be wanted again.
  Span* oldest = kept_first_;
  Unkeep(oldest);
  Unlink(oldest);
  Unmap(oldest);
}

void* Allocator::Reallocate(void* memory, size_t bytes) {
  if (memory == nullptr) return Allocate(bytes);
  const auto* span =
      reinterpret_cast<const Span*>(reinterpret_cast<uintptr_t>(memory) & ~(kSpanBytes - 1));
  const size_t has = span->index == kClasses ? span->bytes - sizeof(Span) : span->piece_bytes;
  if (bytes <= has && bytes >= has / 2) return memory;
  void* moved = Allocate(bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, memory, std::min(has, bytes));
  Free(memory);
  return moved;
}

void Allocator::ReleaseKept() {
  while (kept_first_ != nullptr) {
    Span* span = kept_first_;
    Unkeep(span);
    Unlink(span);
    Unmap(span);
  }
}

void* Allocator::AllocateWhole(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  Span* span = Map(RoundUp(bytes + sizeof(Span), kPageBytes));
  if (span == nullptr) return nullptr;
  span->index = kClasses;
  return span + 1;
}

Allocator::Span* Allocator::NewSpan(size_t index) {
  Span* span = Map(kSpanBytes);
  if (span == nullptr) return nullptr;
  span->index = static_cast<uint32_t>(index);
  span->piece_bytes = static_cast<uint32_t>(ClassBytes(index));
  span->fresh = reinterpret_cast<char*>(span + 1);
  Keep(span);  // until its first piece is used
  Link(span);
  return span;
}

// Aligned to kSpanBytes: more is mapped than asked for, and what is too much given back.
Allocator::Span* Allocator::Map(size_t bytes) {
  const size_t more = bytes + kSpanBytes;
  void* mapped = ::mmap(nullptr, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* begin = static_cast<char*>(mapped);
  char* aligned = begin + (-reinterpret_cast<uintptr_t>(begin) & (kSpanBytes - 1));
  char* end = aligned + bytes;
  if (aligned != begin) (void)::munmap(begin, static_cast<size_t>(aligned - begin));
  if (end != begin + more) (void)::munmap(end, static_cast<size_t>(begin + more - end));
  auto* span = reinterpret_cast<Span*>(aligned);  // zeroed by the kernel
  span->magic = kSpanMagic;
  span->bytes = bytes;
  mapped_bytes_ += bytes;
  return span;
}

void Allocator::Unmap(Span* span) {
  mapped_bytes_ -= span->bytes;
  (void)::munmap(span, span->bytes);
}

void Allocator::Link(Span* span) {
  List& list = open_[span->index];
  span->open = true;
  span->previous = nullptr;
  span->next = list.first;
  (list.first == nullptr ? list.last : list.first->previous) = span;
  list.first = span;
}

void Allocator::LinkLast(Span* span) {
  List& list = open_[span->index];
  span->open = true;
  span->next = nullptr;
  span->previous = list.last;
  (list.last == nullptr ? list.first : list.last->next) = span;
  list.last = span;
}

void Allocator::Unlink(Span* span) {
  List& list = open_[span->index];
  (span->previous == nullptr ? list.first : span->previous->next) = span->next;
  (span->next == nullptr ? list.last : span->next->previous) = span->previous;
  span->open = false;
}

void Allocator::Keep(Span* span) {
  span->kept_after = nullptr;
  span->kept_before = kept_last_;
  (kept_last_ == nullptr ? kept_first_ : kept_last_->kept_after) = span;
  kept_last_ = span;
  ++kept_;
}

void Allocator::Unkeep(Span* span) {
  (span->kept_before == nullptr ? kept_first_ : span->kept_before->kept_after) = span->kept_after;
  (span->kept_after == nullptr ? kept_last_ : span->kept_after->kept_before) = span->kept_before;
  --kept_;
}

}  // namespace koi
