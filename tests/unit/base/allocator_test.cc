// SPDX-License-Identifier: Apache-2.0
// Pieces of every size, and what goes back to the kernel.
#include "base/allocator.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "absl/strings/string_view.h"

namespace koi {
namespace {

TEST(AllocatorTest, PiecesOfEverySizeAreApartAndAligned) {
  Allocator allocator;
  struct Piece {
    char* at;
    size_t bytes;
    char mark;
  };
  std::vector<Piece> pieces;
  std::mt19937 random(1);
  const auto check_and_free = [&](size_t i) {
    const Piece piece = pieces[i];
    ASSERT_EQ(absl::string_view(piece.at, piece.bytes).find_first_not_of(piece.mark),
              absl::string_view::npos);
    allocator.Free(piece.at);
    pieces[i] = pieces.back();
    pieces.pop_back();
  };
  for (int turn = 0; turn < 1'000; ++turn) {
    if (turn % 5 < 3) {
      // Of all magnitudes, and around the edges of the classes.
      const size_t bytes = (size_t{1} << random() % 18) + random() % 3 - 1;
      Piece piece{static_cast<char*>(allocator.Allocate(bytes)), bytes, static_cast<char>(turn)};
      ASSERT_EQ(reinterpret_cast<uintptr_t>(piece.at) % 16, 0u);
      std::memset(piece.at, piece.mark, bytes);
      pieces.push_back(piece);
    } else {
      check_and_free(random() % pieces.size());
    }
  }
  while (!pieces.empty()) check_and_free(pieces.size() - 1);
  EXPECT_LE(allocator.mapped_bytes(), Allocator::kKeptSpans * Allocator::kSpanBytes);
  allocator.ReleaseKept();
  EXPECT_EQ(allocator.mapped_bytes(), 0u);
}

TEST(AllocatorTest, WhatIsFreedIsUsedAgainAtOnce) {
  Allocator allocator;
  void* first = allocator.Allocate(1000);
  const size_t mapped = allocator.mapped_bytes();
  for (int i = 0; i < 1000; ++i) {
    allocator.Free(first);
    ASSERT_EQ(allocator.Allocate(1000), first);
  }
  EXPECT_EQ(allocator.mapped_bytes(), mapped);
  allocator.Free(first);
  allocator.ReleaseKept();
}

TEST(AllocatorTest, EmptySpanThatIsWantedAgainIsKeptBeforeOlderOnes) {
  Allocator allocator;
  for (size_t i = 0; i < 2 * Allocator::kKeptSpans; ++i) {
    allocator.Free(allocator.Allocate(size_t{200} << (i % 8) | i * 16));  // of many sizes, once
  }
  for (int i = 0; i < 3; ++i) {
    auto* bytes = static_cast<char*>(allocator.Allocate(60'000));
    EXPECT_EQ(bytes[30'000], i == 0 ? 0 : 'k');  // what the kernel maps anew is zero
    bytes[30'000] = 'k';
    allocator.Free(bytes);
  }
  allocator.ReleaseKept();
}

TEST(AllocatorTest, ReallocationKeepsTheBytes) {
  Allocator allocator;
  auto* text = static_cast<char*>(allocator.Reallocate(nullptr, 5));
  std::memcpy(text, "bytes", 5);
  for (const size_t bytes : {17, 4000, 70'000, 300'000, 60'000, 5}) {
    SCOPED_TRACE(bytes);
    text = static_cast<char*>(allocator.Reallocate(text, bytes));
    ASSERT_EQ(std::string(text, 5), "bytes");
    std::memset(text + 5, 'x', bytes - 5);
  }
  allocator.Free(text);
  allocator.ReleaseKept();
  EXPECT_EQ(allocator.mapped_bytes(), 0u);
}

TEST(AllocatorTest, RefusesWhatCannotBe) {
  Allocator allocator;
  EXPECT_EQ(allocator.Allocate(SIZE_MAX - 10), nullptr);
  EXPECT_EQ(allocator.Allocate(SIZE_MAX / 4), nullptr);
}

}  // namespace
}  // namespace koi
