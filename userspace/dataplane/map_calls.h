// SPDX-License-Identifier: Apache-2.0
// The bpf(2) calls on a map, typed and with absl::Status. For the map classes of this folder alone.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace koi::map_calls {

// The status for `error`, an errno of bpf(2), while `doing` something.
absl::Status ErrorOf(int error, absl::string_view doing);

template <typename Key, typename Value>
absl::Status Set(int map_fd, const Key& key, const Value& value, absl::string_view doing) {
  if (bpf_map_update_elem(map_fd, &key, &value, BPF_ANY) == 0) return absl::OkStatus();
  return ErrorOf(errno, doing);
}

// Absent is fine.
template <typename Key>
absl::Status Remove(int map_fd, const Key& key, absl::string_view doing) {
  if (bpf_map_delete_elem(map_fd, &key) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrorOf(errno, doing);
}

template <typename Value, typename Key>
absl::StatusOr<Value> Get(int map_fd, const Key& key, absl::string_view doing) {
  Value value = {};
  if (bpf_map_lookup_elem(map_fd, &key, &value) == 0) return value;
  return ErrorOf(errno, doing);
}

// The value of each CPU, of a per-CPU array whose values are a multiple of 8 bytes: the kernel lays
// them out so.
template <typename Value>
absl::StatusOr<std::vector<Value>> GetPerCpu(int map_fd, uint32_t index, absl::string_view doing) {
  static_assert(sizeof(Value) % 8 == 0);
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) return ErrorOf(-cpus, "cannot count the CPUs");
  std::vector<Value> values(static_cast<size_t>(cpus));
  if (bpf_map_lookup_elem(map_fd, &index, values.data()) == 0) return values;
  return ErrorOf(errno, doing);
}

// Zeroes the value of each CPU.
template <typename Value>
absl::Status ClearPerCpu(int map_fd, uint32_t index, absl::string_view doing) {
  static_assert(sizeof(Value) % 8 == 0);
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) return ErrorOf(-cpus, "cannot count the CPUs");
  const std::vector<Value> zeros(static_cast<size_t>(cpus));
  if (bpf_map_update_elem(map_fd, &index, zeros.data(), BPF_ANY) == 0) return absl::OkStatus();
  return ErrorOf(errno, doing);
}

// All keys of a hash. Its one writer is the caller, so it does not change meanwhile.
template <typename Key>
absl::StatusOr<std::vector<Key>> Keys(int map_fd, absl::string_view doing) {
  std::vector<Key> keys;
  Key next = {};
  const Key* previous = nullptr;
  while (bpf_map_get_next_key(map_fd, previous, &next) == 0) {
    keys.push_back(next);
    previous = &keys.back();
  }
  if (errno == ENOENT) return keys;
  return ErrorOf(errno, doing);
}

// The mmapable array behind `map_fd`, `bytes` long; `protection` as mmap(2) takes it.
absl::StatusOr<void*> MapTable(int map_fd, size_t bytes, int protection);
// nullptr is fine.
void UnmapTable(const void* table, size_t bytes);

}  // namespace koi::map_calls
