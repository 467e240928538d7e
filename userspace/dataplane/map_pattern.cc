// SPDX-License-Identifier: Apache-2.0
// Comparing, opening and making maps.
#include "dataplane/map_pattern.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/prctl.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace koi {
namespace {

std::string ToText(const MapShape& shape) {
  return absl::StrCat("type ", shape.type, ", keys of ", shape.key_bytes, " and values of ",
                      shape.value_bytes, " bytes, ", shape.entries, " entries, flags ",
                      shape.flags);
}

// A container's engine refuses system calls by such a filter, whatever the capabilities.
bool UnderSeccomp() { return ::prctl(PR_GET_SECCOMP) == 2; }

absl::StatusOr<Fd> OpenAnyPin(const std::string& path) {
  Fd fd(bpf_obj_get(path.c_str()));
  if (fd.valid() || errno == ENOENT) return fd;
  if (errno == EPERM) return BpfError(EPERM, absl::StrCat("cannot open ", path));
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
}

}  // namespace

absl::Status BpfError(int error, const std::string& log) {
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the kernel refused koi's BPF programs or maps; needed are CAP_BPF, CAP_PERFMON and "
        "CAP_NET_ADMIN",
        UnderSeccomp() ? ", and a seccomp profile that allows bpf (a container's is set by "
                         "--security-opt seccomp=FILE; docker/seccomp-profile makes one)"
                       : "",
        ": ", log));
  }
  return absl::ErrnoToStatus(error, absl::StrCat("cannot load koi's BPF object: ", log));
}

MapShape ShapeOf(const bpf_map* map) {
  return {.type = bpf_map__type(map),
          .key_bytes = bpf_map__key_size(map),
          .value_bytes = bpf_map__value_size(map),
          .entries = bpf_map__max_entries(map),
          .flags = bpf_map__map_flags(map)};
}

absl::StatusOr<MapShape> ShapeOf(int map_fd) {
  bpf_map_info info = {};
  uint32_t bytes = sizeof(info);
  if (bpf_obj_get_info_by_fd(map_fd, &info, &bytes) != 0) {
    return absl::ErrnoToStatus(errno, "cannot ask for the shape of a map");
  }
  return MapShape{.type = info.type,
                  .key_bytes = info.key_size,
                  .value_bytes = info.value_size,
                  .entries = info.max_entries,
                  .flags = info.map_flags};
}

MapPattern PatternOf(const bpf_map* map, int btf_fd) {
  return {.shape = ShapeOf(map),
          .btf_fd = btf_fd,
          .key_type = bpf_map__btf_key_type_id(map),
          .value_type = bpf_map__btf_value_type_id(map)};
}

absl::StatusOr<Fd> OpenPin(const std::string& path, const MapShape& needed) {
  KOI_ASSIGN_OR_RETURN(Fd fd, OpenAnyPin(path));
  if (!fd.valid()) return fd;
  KOI_ASSIGN_OR_RETURN(const MapShape pinned, ShapeOf(fd.get()));
  if (pinned == needed) return fd;
  return absl::FailedPreconditionError(absl::StrCat(
      "the map pinned at ", path, " has another shape: ", ToText(pinned),
      "; needed: ", ToText(needed), ". Another version of koi made it; koi cleanup removes it"));
}

absl::StatusOr<Fd> OpenPinOfAnySize(const std::string& path, const MapShape& needed) {
  KOI_ASSIGN_OR_RETURN(const Fd fd, OpenAnyPin(path));
  if (!fd.valid()) return Fd();
  MapShape same_size = needed;
  KOI_ASSIGN_OR_RETURN(const MapShape pinned, ShapeOf(fd.get()));
  same_size.entries = pinned.entries;
  return OpenPin(path, same_size);
}

absl::StatusOr<Fd> MakeMap(const std::string& name, const MapPattern& pattern) {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = pattern.shape.flags;
  options.btf_fd = static_cast<uint32_t>(pattern.btf_fd);
  options.btf_key_type_id = pattern.key_type;
  options.btf_value_type_id = pattern.value_type;
  Fd fd(bpf_map_create(static_cast<bpf_map_type>(pattern.shape.type), name.c_str(),
                       pattern.shape.key_bytes, pattern.shape.value_bytes, pattern.shape.entries,
                       &options));
  if (fd.valid()) return fd;
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the map ", name));
}

absl::Status PinMap(int map_fd, const std::string& path) {
  if (bpf_obj_pin(map_fd, path.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot pin ", path));
}

}  // namespace koi
