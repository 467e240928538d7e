// SPDX-License-Identifier: Apache-2.0
// Inner arrays: from pin to memory.
#include "dataplane/ring_maps.h"

#include <koi/abi/limits.h>
#include <koi/abi/ring.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/check.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "dataplane/map_calls.h"
#include "dataplane/map_pattern.h"

namespace koi {
namespace {

using SlotWord = uint64_t;
static_assert(sizeof(SlotWord) == sizeof(koi_slot));

// bpffs keeps names with dots for the kernel; no name of a pool has a colon.
std::string PinName(const std::string& pool) { return absl::StrReplaceAll(pool, {{".", ":"}}); }

absl::StatusOr<uint32_t> IdOf(int map_fd) {
  bpf_map_info info = {};
  uint32_t bytes = sizeof(info);
  if (bpf_obj_get_info_by_fd(map_fd, &info, &bytes) == 0) return info.id;
  return map_calls::ErrorOf(errno, "cannot ask for the number of a map");
}

absl::Status Unlink(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", path));
}

// Removes all pins of `folder` but those named in `keep`.
absl::Status RemoveOtherPins(const std::string& folder, const std::vector<std::string>& keep) {
  std::error_code error;
  std::vector<std::string> others;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (std::find(keep.begin(), keep.end(), name) == keep.end())
      others.push_back(entry->path().string());
  }
  if (error == std::errc::no_such_file_or_directory) return absl::OkStatus();
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot list ", folder));
  for (const std::string& path : others) KOI_RETURN_IF_ERROR(Unlink(path));
  return absl::OkStatus();
}

}  // namespace

PoolRing::PoolRing(PoolRing&& other) noexcept
    : pool_(other.pool_),
      name_(std::move(other.name_)),
      slots_(other.slots_),
      ring_fd_(std::move(other.ring_fd_)),
      ring_(std::exchange(other.ring_, nullptr)),
      times_(std::exchange(other.times_, nullptr)) {}

PoolRing& PoolRing::operator=(PoolRing&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(name_, other.name_);
  std::swap(slots_, other.slots_);
  std::swap(ring_fd_, other.ring_fd_);
  std::swap(ring_, other.ring_);
  std::swap(times_, other.times_);
  return *this;
}

PoolRing::~PoolRing() {
  map_calls::UnmapTable(ring_, slots_ * sizeof(koi_slot));
  map_calls::UnmapTable(times_, slots_ * sizeof(koi_slot_times));
}

RingSlot PoolRing::Read(uint32_t slot) const {
  const auto* word = reinterpret_cast<const SlotWord*>(&ring_[slot]);
  const auto abi = std::bit_cast<koi_slot>(__atomic_load_n(word, __ATOMIC_RELAXED));
  return {.current = abi.current,
          .previous = abi.previous,
          .epoch = abi.epoch,
          .moved = abi.moved != 0};
}

void PoolRing::Write(uint32_t slot, const RingSlot& value) {
  const koi_slot abi = {.current = value.current,
                        .previous = value.previous,
                        .epoch = value.epoch,
                        .moved = static_cast<__u16>(value.moved ? 1 : 0)};
  auto* word = reinterpret_cast<SlotWord*>(&ring_[slot]);
  __atomic_store_n(word, std::bit_cast<SlotWord>(abi), __ATOMIC_RELEASE);
}

RingSlotTimes PoolRing::Times(uint32_t slot) const {
  const koi_slot_times& times = times_[slot];
  return {
      .left_rest = FromNanoseconds(__atomic_load_n(&times.left_rest_ns, __ATOMIC_RELAXED)),
      .previous_used = FromNanoseconds(__atomic_load_n(&times.previous_used_ns, __ATOMIC_RELAXED))};
}

void PoolRing::WriteTimes(uint32_t slot, const RingSlotTimes& times) {
  __atomic_store_n(&times_[slot].left_rest_ns, ToNanoseconds(times.left_rest), __ATOMIC_RELAXED);
  __atomic_store_n(&times_[slot].previous_used_ns, ToNanoseconds(times.previous_used),
                   __ATOMIC_RELAXED);
}

absl::StatusOr<RingMaps> RingMaps::Open(const BpfObject& object) {
  RingMaps maps(object);
  KOI_ASSIGN_OR_RETURN(maps.rings_fd_, object.MapFd("koi_rings"));
  KOI_ASSIGN_OR_RETURN(maps.slots_fd_, object.MapFd("koi_slots"));
  for (const char* folder : {kRingPins, kSlotPins}) {
    KOI_RETURN_IF_ERROR(
        MakeDirectories(absl::StrCat(object.pin_directory(), "/", folder), /*mode=*/0700));
  }
  return maps;
}

std::string RingMaps::PathOf(const char* folder, const std::string& name) const {
  return absl::StrCat(object_.pin_directory(), "/", folder, "/", PinName(name));
}

absl::StatusOr<PoolRing> RingMaps::OpenRing(uint32_t pool, const std::string& name,
                                            uint32_t slots) {
  KOI_CHECK(pool < KOI_POOLS_MAX && slots > 0 && slots <= KOI_RING_SLOTS_MAX);
  const std::string path = PathOf(kRingPins, name);
  MapPattern pattern = object_.ring_pattern();
  KOI_ASSIGN_OR_RETURN(Fd fd, OpenPinOfAnySize(path, pattern.shape));
  pattern.shape.entries = slots;
  if (fd.valid()) {
    KOI_ASSIGN_OR_RETURN(const MapShape pinned, ShapeOf(fd.get()));
    if (pinned != pattern.shape) {
      KOI_RETURN_IF_ERROR(TakeOut(pool, name));
      fd.Close();
    }
  }
  const bool found = fd.valid();
  if (!found) {
    KOI_ASSIGN_OR_RETURN(fd, MakeMap(absl::StrCat("koi_ring_", pool), pattern));
    KOI_RETURN_IF_ERROR(PinMap(fd.get(), path));
  }
  KOI_ASSIGN_OR_RETURN(
      void* table, map_calls::MapTable(fd.get(), slots * sizeof(koi_slot), PROT_READ | PROT_WRITE));
  PoolRing ring(pool, name, slots, std::move(fd), static_cast<koi_slot*>(table));
  const bool has_times = ::access(PathOf(kSlotPins, name).c_str(), F_OK) == 0;
  if (found && has_times) KOI_RETURN_IF_ERROR(MakeTimes(ring));
  return ring;
}

absl::Status RingMaps::Publish(const PoolRing& ring) {
  return Put(rings_fd_.get(), ring.pool_, ring.ring_fd_.get());
}

absl::Status RingMaps::MakeTimes(PoolRing& ring) {
  if (ring.has_times()) return absl::OkStatus();
  const std::string path = PathOf(kSlotPins, ring.name_);
  MapPattern pattern = object_.slots_pattern();
  pattern.shape.entries = ring.slots_;
  KOI_ASSIGN_OR_RETURN(Fd fd, OpenPin(path, pattern.shape));
  if (!fd.valid()) {
    KOI_ASSIGN_OR_RETURN(fd, MakeMap(absl::StrCat("koi_slots_", ring.pool_), pattern));
    KOI_RETURN_IF_ERROR(PinMap(fd.get(), path));
  }
  KOI_RETURN_IF_ERROR(Put(slots_fd_.get(), ring.pool_, fd.get()));
  KOI_ASSIGN_OR_RETURN(
      void* table,
      map_calls::MapTable(fd.get(), ring.slots_ * sizeof(koi_slot_times), PROT_READ | PROT_WRITE));
  ring.times_ = static_cast<koi_slot_times*>(table);
  return absl::OkStatus();
}

// An update waits until no program reads the old array, tens of milliseconds: not for nothing.
absl::Status RingMaps::Put(int outer_fd, uint32_t pool, int inner_fd) {
  KOI_ASSIGN_OR_RETURN(const uint32_t id, IdOf(inner_fd));
  uint32_t present = 0;
  if (bpf_map_lookup_elem(outer_fd, &pool, &present) == 0 && present == id) return absl::OkStatus();
  return map_calls::Set(outer_fd, pool, inner_fd,
                        absl::StrCat("cannot set the ring of pool ", pool));
}

absl::Status RingMaps::TakeOut(uint32_t pool, const std::string& name) {
  const std::string doing = absl::StrCat("cannot remove the ring of pool \"", name, "\"");
  KOI_RETURN_IF_ERROR(map_calls::Remove(rings_fd_.get(), pool, doing));
  KOI_RETURN_IF_ERROR(map_calls::Remove(slots_fd_.get(), pool, doing));
  // The times first: without a ring of their own they mean nothing.
  KOI_RETURN_IF_ERROR(Unlink(PathOf(kSlotPins, name)));
  return Unlink(PathOf(kRingPins, name));
}

absl::Status RingMaps::Remove(const PoolRing& ring) { return TakeOut(ring.pool_, ring.name_); }

absl::Status RingMaps::RemoveOthers(const std::vector<PoolName>& pools) {
  std::vector<bool> kept(KOI_POOLS_MAX);
  std::vector<std::string> names;
  for (const PoolName& pool : pools) {
    kept[pool.number] = true;
    names.push_back(PinName(pool.name));
  }
  for (const int outer_fd : {rings_fd_.get(), slots_fd_.get()}) {
    for (uint32_t pool = 0; pool < KOI_POOLS_MAX; ++pool) {
      uint32_t id = 0;
      if (kept[pool] || bpf_map_lookup_elem(outer_fd, &pool, &id) != 0) continue;
      KOI_RETURN_IF_ERROR(map_calls::Remove(outer_fd, pool, "cannot remove a ring"));
    }
  }
  for (const char* folder : {kSlotPins, kRingPins}) {
    KOI_RETURN_IF_ERROR(RemoveOtherPins(absl::StrCat(object_.pin_directory(), "/", folder), names));
  }
  return absl::OkStatus();
}

}  // namespace koi
