// SPDX-License-Identifier: Apache-2.0
// Where things stand in koi_worker_N, and how its words are read and written. For this folder
// alone.
#pragma once

#include <koi/abi/worker.h>

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "dataplane/worker_figures.h"

namespace koi::worker_entry {

static_assert(kLatencyBuckets == KOI_LATENCY_BUCKETS && KOI_LATENCY_FIRST_US == 16);
constexpr size_t kSeatBytes = sizeof(koi_worker) * KOI_WORKER_ENTRIES;  // whole pages
static_assert(kSeatBytes % 65'536 == 0);
constexpr size_t kTableBytes = kSeatBytes * KOI_WORKER_SEATS;

template <typename T>
T Load(const T& field) {
  return __atomic_load_n(&field, __ATOMIC_RELAXED);
}

template <typename T>
void Store(T& field, T value) {
  __atomic_store_n(&field, value, __ATOMIC_RELAXED);
}

// What no pool or service that has a name is called by: the same in every process.
inline uint32_t IncarnationOf(absl::string_view name) {
  uint32_t hash = 2'166'136'261;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619;
  return hash == 0 ? 1 : hash;
}

// Index of a backend's, pool's or service's entry in its seat; 0, the worker's own, where it has
// none.
inline uint32_t BackendIndex(uint32_t number) {
  return number < KOI_WORKER_BACKENDS_MAX ? number : 0;
}
inline uint32_t PoolIndex(uint32_t number) {
  return number < KOI_WORKER_POOLS_MAX ? KOI_WORKER_POOLS + number : 0;
}
inline uint32_t ServiceIndex(uint32_t number) {
  return number < KOI_WORKER_SERVICES_MAX ? KOI_WORKER_SERVICES + number : 0;
}

}  // namespace koi::worker_entry
