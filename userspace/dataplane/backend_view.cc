// SPDX-License-Identifier: Apache-2.0
// A worker's side of koi_backends.
#include <koi/abi/backend.h>
#include <sys/mman.h>

#include <cstring>
#include <utility>

#include "dataplane/backend_entry.h"
#include "dataplane/backend_map.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

constexpr size_t kTableBytes = sizeof(koi_backend) * KOI_BACKENDS_MAX;

bool IsPresent(const std::optional<koi_backend>& entry) {
  return entry.has_value() && entry->admin != KOI_BACKEND_ABSENT;
}

}  // namespace

absl::StatusOr<BackendView> BackendView::Open(int map_fd) {
  KOI_ASSIGN_OR_RETURN(void* table, map_calls::MapTable(map_fd, kTableBytes, PROT_READ));
  return BackendView(static_cast<const koi_backend*>(table));
}

BackendView::BackendView(BackendView&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)) {}

BackendView::~BackendView() { map_calls::UnmapTable(table_, kTableBytes); }

uint32_t BackendView::generation() const {
  return __atomic_load_n(&table_[0].sequence, __ATOMIC_ACQUIRE);
}

std::vector<uint32_t> BackendView::Members(uint32_t pool) const {
  std::vector<uint32_t> members;
  for (uint32_t number = 1; number < KOI_WORKER_BACKENDS_MAX; ++number) {
    const std::optional<koi_backend> entry = ReadEntry(table_[number]);
    if (IsPresent(entry) && entry->pool == pool) members.push_back(number);
  }
  return members;
}

std::optional<BackendEntry> BackendView::Read(uint32_t number) const {
  if (number == 0 || number >= KOI_BACKENDS_MAX) return std::nullopt;
  const std::optional<koi_backend> entry = ReadEntry(table_[number]);
  if (!IsPresent(entry)) return std::nullopt;
  return FromAbi(*entry, number);
}

absl::string_view BackendView::NameOf(uint32_t number, char (&out)[kBackendNameBytes]) const {
  static_assert(sizeof(out) == sizeof(koi_backend::name));
  if (number == 0 || number >= KOI_BACKENDS_MAX) return "";
  std::memcpy(out, table_[number].name, sizeof(out));
  out[kBackendNameBytes - 1] = '\0';  // another may be written there right now
  return out;
}

bool BackendView::Usable(uint32_t number) const {
  if (number == 0 || number >= KOI_BACKENDS_MAX) return false;
  const koi_backend& entry = table_[number];
  return __atomic_load_n(&entry.admin, __ATOMIC_RELAXED) == KOI_BACKEND_ENABLED &&
         __atomic_load_n(&entry.health, __ATOMIC_ACQUIRE) == KOI_BACKEND_UP;
}

TimePoint BackendView::UpSince(uint32_t number) const {
  if (number == 0 || number >= KOI_BACKENDS_MAX) return {};
  return FromNanoseconds(__atomic_load_n(&table_[number].up_since_ns, __ATOMIC_RELAXED));
}

}  // namespace koi
