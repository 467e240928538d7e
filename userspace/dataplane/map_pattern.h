// SPDX-License-Identifier: Apache-2.0
// Shapes of maps, and maps that are made after a pattern of the BPF object instead of by libbpf.
// For this folder alone.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd.h"

struct bpf_map;

namespace koi {

struct MapShape {
  uint32_t type = 0;
  uint32_t key_bytes = 0;
  uint32_t value_bytes = 0;
  uint32_t entries = 0;
  uint32_t flags = 0;

  bool operator==(const MapShape&) const = default;
};

MapShape ShapeOf(const bpf_map* map);
absl::StatusOr<MapShape> ShapeOf(int map_fd);

// With the types by which bpftool prints keys and values; valid as long as the object that it is
// of.
struct MapPattern {
  MapShape shape = {};
  int btf_fd = -1;
  uint32_t key_type = 0;
  uint32_t value_type = 0;
};

// `btf_fd` is known once the object is loaded.
MapPattern PatternOf(const bpf_map* map, int btf_fd);

// The map pinned at `path`, or no descriptor where there is none. FailedPrecondition when it has
// another shape.
absl::StatusOr<Fd> OpenPin(const std::string& path, const MapShape& needed);
// Likewise, with any number of entries.
absl::StatusOr<Fd> OpenPinOfAnySize(const std::string& path, const MapShape& needed);

// A new map of zeros.
absl::StatusOr<Fd> MakeMap(const std::string& name, const MapPattern& pattern);
// Not where something is pinned already.
absl::Status PinMap(int map_fd, const std::string& path);

// What to say when bpf(2) failed with `error`, while `log` happened.
absl::Status BpfError(int error, const std::string& log);

}  // namespace koi
