// SPDX-License-Identifier: Apache-2.0
// The manager's side of koi_backends: the one writer.
#include "dataplane/backend_map.h"

#include <koi/abi/backend.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "dataplane/backend_entry.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

constexpr size_t kTableBytes = sizeof(koi_backend) * KOI_BACKENDS_MAX;

// Tells workers that backend `number` came or went, or has another weight or limit.
void TellReaders(koi_backend* table, uint32_t number) {
  if (number >= KOI_WORKER_BACKENDS_MAX) return;
  __atomic_fetch_add(&table[0].sequence, 1, __ATOMIC_RELEASE);
}

// A MAC and what stands behind it: eight bytes of an entry, at once.
void StoreMac(void* place, const std::array<uint8_t, 6>& mac, uint16_t behind) {
  uint64_t word = 0;
  std::memcpy(&word, mac.data(), mac.size());
  std::memcpy(reinterpret_cast<char*>(&word) + mac.size(), &behind, sizeof(behind));
  __atomic_store_n(static_cast<uint64_t*>(place), word, __ATOMIC_RELAXED);
}
static_assert(offsetof(koi_backend, to_mac) % 8 == 0 &&
              offsetof(koi_backend, mtu) == offsetof(koi_backend, to_mac) + 6);
static_assert(offsetof(koi_backend, from_mac) % 8 == 0);
static_assert(kEgressHere == KOI_EGRESS_HERE);

// A writer that died while it added or removed a backend left an entry that no reader may take: it
// is freed. Who reads the table back and misses that backend adds it again.
void FreeHalfWritten(koi_backend* table) {
  for (uint32_t number = 1; number < KOI_BACKENDS_MAX; ++number) {
    if (table[number].sequence % 2 == 0) continue;
    koi_backend free_entry = {};
    free_entry.incarnation = table[number].incarnation;
    WriteEntry(table[number], free_entry);
    TellReaders(table, number);
  }
}

}  // namespace

absl::StatusOr<BackendMap> BackendMap::Open(Fd map_fd) {
  KOI_ASSIGN_OR_RETURN(void* table,
                       map_calls::MapTable(map_fd.get(), kTableBytes, PROT_READ | PROT_WRITE));
  FreeHalfWritten(static_cast<koi_backend*>(table));
  return BackendMap(std::move(map_fd), static_cast<koi_backend*>(table));
}

BackendMap::BackendMap(Fd map_fd, koi_backend* table)
    : map_fd_(std::move(map_fd)),
      table_(table),
      worker_numbers_{.first = 1, .count = KOI_WORKER_BACKENDS_MAX - 1},
      l4_numbers_{.first = KOI_WORKER_BACKENDS_MAX,
                  .count = KOI_BACKENDS_MAX - KOI_WORKER_BACKENDS_MAX} {}

BackendMap::BackendMap(BackendMap&& other) noexcept
    : map_fd_(std::move(other.map_fd_)),
      table_(std::exchange(other.table_, nullptr)),
      worker_numbers_(other.worker_numbers_),
      l4_numbers_(other.l4_numbers_) {}

BackendMap::~BackendMap() { map_calls::UnmapTable(table_, kTableBytes); }

// Goes round all numbers, so that the one freed last comes last.
uint32_t BackendMap::NextFree(Numbers& numbers) const {
  for (uint32_t tried = 0; tried < numbers.count; ++tried) {
    const uint32_t number = numbers.first + numbers.tried++ % numbers.count;
    if (table_[number].admin == KOI_BACKEND_ABSENT) return number;
  }
  return 0;
}

uint32_t BackendMap::incarnation(uint32_t number) const { return table_[number].incarnation; }

BackendEntry BackendMap::Place(BackendEntry entry, uint32_t number) {
  entry.number = number;
  entry.incarnation = table_[number].incarnation + 1;
  WriteEntry(table_[number], ToAbi(entry));
  TellReaders(table_, number);
  return entry;
}

absl::Status BackendMap::Full(const Numbers& numbers) {
  return absl::ResourceExhaustedError(
      absl::StrCat("all ", numbers.count, " backend numbers are in use"));
}

void BackendMap::Update(const BackendEntry& entry) {
  KOI_CHECK(entry.number > 0 && entry.number < KOI_BACKENDS_MAX);
  koi_backend& place = table_[entry.number];
  KOI_CHECK(place.admin != KOI_BACKEND_ABSENT && place.incarnation == entry.incarnation);
  const bool was_usable = place.admin == KOI_BACKEND_ENABLED && place.health == KOI_BACKEND_UP;
  if (entry.usable() && !was_usable) {
    __atomic_store_n(&place.up_since_ns, ToNanoseconds(Now()), __ATOMIC_RELAXED);
  }
  __atomic_store_n(&place.admin, ToAbi(entry.admin), __ATOMIC_RELAXED);
  __atomic_store_n(&place.health, ToAbi(entry.health), __ATOMIC_RELEASE);
  __atomic_store_n(&place.origin, ToAbi(entry.origin), __ATOMIC_RELAXED);
  if (place.weight == entry.weight && place.connections_max == entry.connections_max) return;
  __atomic_store_n(&place.weight, entry.weight, __ATOMIC_RELAXED);
  __atomic_store_n(&place.connections_max, entry.connections_max, __ATOMIC_RELAXED);
  TellReaders(table_, entry.number);
}

void BackendMap::SetWay(const BackendEntry& backend, const BackendWay& way) {
  KOI_CHECK(backend.number > 0 && backend.number < KOI_BACKENDS_MAX);
  koi_backend& place = table_[backend.number];
  if (place.admin == KOI_BACKEND_ABSENT || place.incarnation != backend.incarnation) return;
  // No packet leaves one interface with the MACs of another.
  if (place.egress_ifindex != way.egress) {
    __atomic_store_n(&place.egress_ifindex, 0U, __ATOMIC_RELEASE);
  }
  StoreMac(&place.to_mac, way.to_mac, way.mtu);
  StoreMac(&place.from_mac, way.from_mac, 0);
  __atomic_store_n(&place.egress_ifindex, way.egress, __ATOMIC_RELEASE);
}

void BackendMap::Remove(uint32_t number) {
  KOI_CHECK(number > 0 && number < KOI_BACKENDS_MAX);
  koi_backend free_entry = {};
  free_entry.incarnation = table_[number].incarnation;
  WriteEntry(table_[number], free_entry);
  TellReaders(table_, number);
}

std::optional<BackendEntry> BackendMap::Find(uint32_t number) const {
  if (number == 0 || number >= KOI_BACKENDS_MAX) return std::nullopt;
  if (table_[number].admin == KOI_BACKEND_ABSENT) return std::nullopt;
  return FromAbi(table_[number], number);
}

std::vector<BackendEntry> BackendMap::List() const {
  std::vector<BackendEntry> backends;
  for (uint32_t number = 1; number < KOI_BACKENDS_MAX; ++number) {
    if (table_[number].admin != KOI_BACKEND_ABSENT) {
      backends.push_back(FromAbi(table_[number], number));
    }
  }
  return backends;
}

}  // namespace koi
