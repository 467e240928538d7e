// SPDX-License-Identifier: Apache-2.0
// Converting and copying entries of koi_backends.
#include "dataplane/backend_entry.h"

#include <array>
#include <bit>
#include <cstddef>

#include "base/check.h"
#include "base/text.h"
#include "dataplane/abi_address.h"

namespace koi {
namespace {

constexpr size_t kWords = sizeof(koi_backend) / sizeof(uint32_t);
using Words = std::array<uint32_t, kWords>;
static_assert(offsetof(koi_backend, sequence) == 0, "word 0 is the lock");

// A write takes well under a microsecond: this is long enough for any writer that runs.
constexpr int kReadAttempts = 1000;

BackendAdmin FromAbi(koi_backend_admin admin) {
  return admin == KOI_BACKEND_ENABLED ? BackendAdmin::kEnabled : BackendAdmin::kDraining;
}

BackendHealth FromAbi(koi_backend_health health) {
  switch (health) {
    case KOI_BACKEND_UP: return BackendHealth::kUp;
    case KOI_BACKEND_DOWN: return BackendHealth::kDown;
    case KOI_BACKEND_UNKNOWN: break;
  }
  return BackendHealth::kUnknown;
}

BackendOrigin FromAbi(koi_backend_origin origin) {
  return origin == KOI_BACKEND_FROM_CLI ? BackendOrigin::kCli : BackendOrigin::kFile;
}

}  // namespace

koi_backend_admin ToAbi(BackendAdmin admin) {
  switch (admin) {
    case BackendAdmin::kEnabled: return KOI_BACKEND_ENABLED;
    case BackendAdmin::kDraining: return KOI_BACKEND_DRAINING;
  }
  KOI_UNREACHABLE();
}

koi_backend_health ToAbi(BackendHealth health) {
  switch (health) {
    case BackendHealth::kUnknown: return KOI_BACKEND_UNKNOWN;
    case BackendHealth::kUp: return KOI_BACKEND_UP;
    case BackendHealth::kDown: return KOI_BACKEND_DOWN;
  }
  KOI_UNREACHABLE();
}

koi_backend_origin ToAbi(BackendOrigin origin) {
  switch (origin) {
    case BackendOrigin::kFile: return KOI_BACKEND_FROM_FILE;
    case BackendOrigin::kCli: return KOI_BACKEND_FROM_CLI;
  }
  KOI_UNREACHABLE();
}

koi_backend ToAbi(const BackendEntry& entry) {
  koi_backend abi = {};
  abi.incarnation = entry.incarnation;
  abi.admin = ToAbi(entry.admin);
  abi.health = ToAbi(entry.health);
  abi.origin = ToAbi(entry.origin);
  abi.weight = entry.weight;
  abi.pool = entry.pool;
  abi.port = entry.endpoint.port;
  abi.up_since_ns = ToNanoseconds(entry.up_since);
  abi.connections_max = entry.connections_max;
  abi.addr = ToAbi(entry.endpoint.address);
  ToField(entry.name, abi.name);
  ToField(entry.pool_name, abi.pool_name);
  ToField(entry.endpoint.ToString(), abi.endpoint);
  return abi;
}

BackendEntry FromAbi(const koi_backend& abi, uint32_t number) {
  return {.number = number,
          .l4 = number >= KOI_WORKER_BACKENDS_MAX,
          .incarnation = abi.incarnation,
          .admin = FromAbi(abi.admin),
          .health = FromAbi(abi.health),
          .origin = FromAbi(abi.origin),
          .weight = abi.weight,
          .connections_max = abi.connections_max,
          .up_since = FromNanoseconds(abi.up_since_ns),
          .pool = abi.pool,
          .endpoint = {.address = FromAbi(abi.addr), .port = abi.port},
          .name = FromField(abi.name),
          .pool_name = FromField(abi.pool_name)};
}

void WriteEntry(koi_backend& place, const koi_backend& entry) {
  auto* to = reinterpret_cast<uint32_t*>(&place);
  const auto from = std::bit_cast<Words>(entry);
  const uint32_t locked = to[0] | 1;  // odd already where an earlier writer died half-way
  __atomic_store_n(&to[0], locked, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);  // the lock is seen before anything that follows
  for (size_t i = 1; i < kWords; ++i) __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
  __atomic_store_n(&to[0], locked + 1, __ATOMIC_RELEASE);
}

std::optional<koi_backend> ReadEntry(const koi_backend& place) {
  const auto* from = reinterpret_cast<const uint32_t*>(&place);
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    Words copy;
    copy[0] = __atomic_load_n(&from[0], __ATOMIC_ACQUIRE);
    if (copy[0] % 2 != 0) continue;
    for (size_t i = 1; i < kWords; ++i) copy[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);  // the copy is made before the second look
    if (__atomic_load_n(&from[0], __ATOMIC_RELAXED) == copy[0]) {
      return std::bit_cast<koi_backend>(copy);
    }
  }
  return std::nullopt;
}

}  // namespace koi
