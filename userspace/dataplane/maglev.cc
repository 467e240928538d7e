// SPDX-License-Identifier: Apache-2.0
// Filling the table: backends take turns, and each turn takes the next free slot of the backend's
// own permutation of all slots.
#include "dataplane/maglev.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/check.h"

namespace koi {
namespace {

// FNV-1a, then the finalizer of SplitMix64. Never to be changed: the hosts of a pair may run
// different versions of koi.
uint64_t HashOfName(absl::string_view name, uint64_t seed) {
  uint64_t hash = 0xcbf29ce484222325 ^ seed;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  return hash ^ (hash >> 31);
}

constexpr uint64_t kOffsetSeed = 0;
constexpr uint64_t kSkipSeed = 0x9e3779b97f4a7c15;

struct Contender {
  uint64_t weight;
  uint16_t number;
  uint32_t next;  // slot of its permutation to try
  uint32_t skip;  // to the one after that
};

// The `turn`-th turn of a contender, from 1, is due at turn / weight: so turns are in proportion
// from the first slot to the last, and what one backend does leaves the order of all others as it
// was. Compared without a division: exact, and the same for any multiple of the weights.
struct DueTurn {
  uint64_t turn;
  uint64_t weight;
  uint32_t contender;  // in the order of names, which decides between equals

  bool operator>(const DueTurn& other) const {
    const uint64_t mine = turn * other.weight;
    const uint64_t theirs = other.turn * weight;
    return mine != theirs ? mine > theirs : contender > other.contender;
  }
};

std::vector<Contender> ContendersOf(std::vector<MaglevBackend> backends, uint32_t slots) {
  std::sort(
      backends.begin(), backends.end(),
      [](const MaglevBackend& one, const MaglevBackend& other) { return one.name < other.name; });
  std::vector<Contender> contenders;
  for (const MaglevBackend& backend : backends) {
    if (backend.weight == 0) continue;
    contenders.push_back(
        {.weight = backend.weight,
         .number = backend.number,
         .next = static_cast<uint32_t>(HashOfName(backend.name, kOffsetSeed) % slots),
         .skip = static_cast<uint32_t>(HashOfName(backend.name, kSkipSeed) % (slots - 1) + 1)});
  }
  return contenders;
}

}  // namespace

std::vector<uint16_t> MaglevTable(std::vector<MaglevBackend> backends, uint32_t slots) {
  KOI_CHECK(slots >= 2);
  std::vector<Contender> contenders = ContendersOf(std::move(backends), slots);
  if (contenders.empty()) return {};

  std::vector<DueTurn> first_turns;
  for (uint32_t i = 0; i < contenders.size(); ++i)
    first_turns.push_back({.turn = 1, .weight = contenders[i].weight, .contender = i});
  std::priority_queue turns(std::greater<DueTurn>(), std::move(first_turns));

  std::vector<uint16_t> table(slots);
  std::vector<bool> taken(slots);
  for (uint32_t filled = 0; filled < slots; ++filled) {
    DueTurn turn = turns.top();
    turns.pop();
    Contender& contender = contenders[turn.contender];
    // Terminates: the skip has no divisor in common with a prime, so all slots come by.
    uint32_t slot = contender.next;
    while (taken[slot]) slot = (slot + contender.skip) % slots;
    taken[slot] = true;
    table[slot] = contender.number;
    contender.next = (slot + contender.skip) % slots;
    ++turn.turn;
    turns.push(turn);
  }
  return table;
}

}  // namespace koi
