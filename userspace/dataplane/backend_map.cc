// SPDX-License-Identifier: Apache-2.0
// The manager's side of koi_backends: the one writer.
#include "dataplane/backend_map.h"

#include <koi/abi/backend.h>
#include <sys/mman.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "dataplane/backend_entry.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

constexpr size_t kTableBytes = sizeof(koi_backend) * KOI_BACKENDS_MAX;

// Tells readers that a backend came or went, or has another weight or limit.
void TellReaders(koi_backend* table) {
  __atomic_fetch_add(&table[0].sequence, 1, __ATOMIC_RELEASE);
}

// A writer that died while it added or removed a backend left an entry that no reader may take: it
// is freed. Who reads the table back and misses that backend adds it again.
void FreeHalfWritten(koi_backend* table) {
  bool any = false;
  for (uint32_t number = 1; number < KOI_BACKENDS_MAX; ++number) {
    if (table[number].sequence % 2 == 0) continue;
    koi_backend free_entry = {};
    free_entry.incarnation = table[number].incarnation;
    WriteEntry(table[number], free_entry);
    any = true;
  }
  if (any) TellReaders(table);
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
  TellReaders(table_);
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
  TellReaders(table_);
}

void BackendMap::Remove(uint32_t number) {
  KOI_CHECK(number > 0 && number < KOI_BACKENDS_MAX);
  koi_backend free_entry = {};
  free_entry.incarnation = table_[number].incarnation;
  WriteEntry(table_[number], free_entry);
  TellReaders(table_);
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
