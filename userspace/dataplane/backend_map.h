// SPDX-License-Identifier: Apache-2.0
// Map koi_backends: the one table of backends. The manager writes it, workers read it where it
// lies.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/address.h"
#include "base/fd.h"
#include "base/time.h"

struct koi_backend;

namespace koi {

enum class BackendAdmin { kEnabled, kDraining };
enum class BackendHealth { kUnknown, kUp, kDown };
enum class BackendOrigin { kFile, kCli };

// As people read them.
inline const char* AdminName(BackendAdmin admin) {
  return admin == BackendAdmin::kEnabled ? "enabled" : "draining";
}

inline const char* HealthName(BackendHealth health) {
  switch (health) {
    case BackendHealth::kUnknown: return "unknown";
    case BackendHealth::kUp: return "up";
    case BackendHealth::kDown: return "down";
  }
  return "unknown";
}

// Of a name with its final NUL.
constexpr size_t kBackendNameBytes = 32;

struct BackendEntry {
  uint32_t number = 0;  // from 1
  bool l4 = false;      // koi_xdp alone sends to it: it has a number that workers do not count
  uint32_t incarnation = 0;
  BackendAdmin admin = BackendAdmin::kEnabled;
  BackendHealth health = BackendHealth::kUnknown;
  BackendOrigin origin = BackendOrigin::kFile;
  uint32_t weight = 100;
  uint32_t connections_max = 0;  // in use at once, over all workers; 0: any number
  TimePoint up_since = {};       // when it last became usable: what a slow start counts from
  uint32_t pool = 0;
  Endpoint endpoint;
  std::string name = {};
  std::string pool_name = {};

  // Whether new requests may go to it.
  bool usable() const { return admin == BackendAdmin::kEnabled && health == BackendHealth::kUp; }

  bool operator==(const BackendEntry&) const = default;
};

// Where packets for a backend of an l4 pool leave.
struct BackendWay {
  // The interface; 0: the way is not known; kEgressHere: the backend is this host.
  uint32_t egress = 0;
  std::array<uint8_t, 6> to_mac = {};    // of the backend, or of the router before it
  std::array<uint8_t, 6> from_mac = {};  // of the interface
  uint16_t mtu = 0;

  bool operator==(const BackendWay&) const = default;
};
constexpr uint32_t kEgressHere = UINT32_MAX;

// The manager's side.
class BackendMap {
 public:
  // Maps the table read-write. Takes over `map_fd`.
  static absl::StatusOr<BackendMap> Open(Fd map_fd);
  BackendMap(BackendMap&& other) noexcept;
  BackendMap& operator=(BackendMap&&) = delete;
  ~BackendMap();

  int fd() const { return map_fd_.get(); }

  // Gives `entry` (its number and incarnation are chosen here) a free number, the longest unused
  // first, and tells readers. `may_reuse(number)` says whether nothing names a number used before.
  // ResourceExhausted when none is free.
  template <typename MayReuse>
  absl::StatusOr<BackendEntry> Add(BackendEntry entry, MayReuse may_reuse) {
    Numbers& numbers = entry.l4 ? l4_numbers_ : worker_numbers_;
    for (uint32_t tried = 0; tried < numbers.count; ++tried) {
      const uint32_t number = NextFree(numbers);
      if (number == 0) break;
      if (incarnation(number) == 0 || may_reuse(number)) return Place(std::move(entry), number);
    }
    return Full(numbers);
  }
  // Changes what may change of an entry: admin, health, weight, limit, origin. KOI_CHECKs that it
  // is there. Readers see admin and health at once, and are told of another weight or limit. One
  // that becomes usable is so since now.
  void Update(const BackendEntry& entry);
  // What koi_xdp sends to the backend by from now on; does nothing where `backend` is not there.
  void SetWay(const BackendEntry& backend, const BackendWay& way);
  // Frees its number and tells readers.
  void Remove(uint32_t number);
  // nullopt when the number is free.
  std::optional<BackendEntry> Find(uint32_t number) const;
  std::vector<BackendEntry> List() const;

 private:
  struct Numbers {
    uint32_t first = 0;
    uint32_t count = 0;
    uint32_t tried = 0;  // of them, until now
  };
  BackendMap(Fd map_fd, koi_backend* table);
  uint32_t NextFree(Numbers& numbers) const;  // 0: none
  uint32_t incarnation(uint32_t number) const;
  BackendEntry Place(BackendEntry entry, uint32_t number);
  static absl::Status Full(const Numbers& numbers);

  Fd map_fd_;
  koi_backend* table_;
  Numbers worker_numbers_;
  Numbers l4_numbers_;
};

// A worker's side: the table mapped read-only. `map_fd` may be closed afterwards; a map's read-only
// descriptor cannot be mapped at all, and a read-write one mapped read-only cannot be made writable
// later.
class BackendView {
 public:
  static absl::StatusOr<BackendView> Open(int map_fd);
  BackendView(BackendView&& other) noexcept;
  BackendView& operator=(BackendView&&) = delete;
  ~BackendView();

  // Changes whenever a backend is added or removed, or gets another weight or limit.
  uint32_t generation() const;
  // Numbers of the pool's backends, ascending.
  std::vector<uint32_t> Members(uint32_t pool) const;
  // A consistent copy; nullopt when the number is free.
  std::optional<BackendEntry> Read(uint32_t number) const;
  // Its name alone, in `out`; "" when the number is free.
  absl::string_view NameOf(uint32_t number, char (&out)[kBackendNameBytes]) const;
  // Whether new requests may go to it: admin and health alone, without copying the entry.
  bool Usable(uint32_t number) const;
  // When it last became usable.
  TimePoint UpSince(uint32_t number) const;

 private:
  explicit BackendView(const koi_backend* table) : table_(table) {}
  const koi_backend* table_;
};

}  // namespace koi
