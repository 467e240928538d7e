// SPDX-License-Identifier: Apache-2.0
// Opening, checking and loading koi's BPF object with libbpf.
#include "dataplane/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <koi.skel.h>
#include <koi/abi/settings.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/check.h"
#include "base/file.h"
#include "dataplane/bpffs.h"
#include "dataplane/libbpf_log.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

constexpr char kWorkerTemplate[] = "koi_worker_N";
constexpr uint32_t kOnlyEntry = 0;

struct Shape {
  uint32_t type = 0;
  uint32_t key_bytes = 0;
  uint32_t value_bytes = 0;
  uint32_t entries = 0;
  uint32_t flags = 0;

  bool operator==(const Shape&) const = default;
};

std::string ToText(const Shape& shape) {
  return absl::StrCat("type ", shape.type, ", keys of ", shape.key_bytes, " and values of ",
                      shape.value_bytes, " bytes, ", shape.entries, " entries, flags ",
                      shape.flags);
}

Shape ShapeOf(const bpf_map* map) {
  return {.type = bpf_map__type(map),
          .key_bytes = bpf_map__key_size(map),
          .value_bytes = bpf_map__value_size(map),
          .entries = bpf_map__max_entries(map),
          .flags = bpf_map__map_flags(map)};
}

absl::StatusOr<Shape> ShapeOf(int map_fd) {
  bpf_map_info info = {};
  uint32_t bytes = sizeof(info);
  if (bpf_obj_get_info_by_fd(map_fd, &info, &bytes) != 0) {
    return absl::ErrnoToStatus(errno, "cannot ask for the shape of a map");
  }
  return Shape{.type = info.type,
               .key_bytes = info.key_size,
               .value_bytes = info.value_size,
               .entries = info.max_entries,
               .flags = info.map_flags};
}

// A container's engine refuses system calls by such a filter, whatever the capabilities.
bool UnderSeccomp() { return ::prctl(PR_GET_SECCOMP) == 2; }

absl::Status LoadError(int error, const std::string& log) {
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

// The map pinned at `path`, or no descriptor where there is none.
absl::StatusOr<Fd> OpenPin(const std::string& path, const bpf_map* pattern) {
  Fd fd(bpf_obj_get(path.c_str()));
  if (!fd.valid() && errno == ENOENT) return Fd();
  if (!fd.valid() && errno == EPERM) return LoadError(EPERM, absl::StrCat("cannot open ", path));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  KOI_ASSIGN_OR_RETURN(const Shape pinned, ShapeOf(fd.get()));
  if (pinned == ShapeOf(pattern)) return fd;
  return absl::FailedPreconditionError(absl::StrCat(
      "the map pinned at ", path, " has another shape: ", ToText(pinned), "; needed: ",
      ToText(ShapeOf(pattern)), ". Another version of koi made it; koi cleanup removes it"));
}

absl::Status CheckVersion(const Fd& settings_map, const std::string& path) {
  KOI_ASSIGN_OR_RETURN(const koi_settings settings,
                       map_calls::Get<koi_settings>(settings_map.get(), kOnlyEntry,
                                                    absl::StrCat("cannot read ", path)));
  if (settings.abi_version == KOI_ABI_VERSION || settings.abi_version == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the maps pinned beside ", path, " are of ABI version ", settings.abi_version,
                   ", this koi has version ", KOI_ABI_VERSION, "; koi cleanup removes them"));
}

// 0: made just now, or by one that died before it came here.
absl::Status MarkVersion(int settings_map) {
  KOI_ASSIGN_OR_RETURN(
      koi_settings settings,
      map_calls::Get<koi_settings>(settings_map, kOnlyEntry, "cannot read koi_settings"));
  if (settings.abi_version != 0) return absl::OkStatus();
  settings.abi_version = KOI_ABI_VERSION;
  return map_calls::Set(settings_map, kOnlyEntry, settings, "cannot write koi_settings");
}

// The kernel refuses a cpumap for more CPUs than it was built for.
uint32_t CpuMapEntries() {
  uint32_t highest = 0;
  const absl::StatusOr<std::string> text = ReadFile("/sys/devices/system/cpu/kernel_max");
  if (!text.ok() || !absl::SimpleAtoi(*text, &highest)) return KOI_CPUS_MAX;
  return std::min<uint32_t>(KOI_CPUS_MAX, highest + 1);
}

}  // namespace

struct BpfObject::State {
  explicit State(koi_bpf* opened, std::string directory)
      : skeleton(opened), pin_directory(std::move(directory)) {}
  ~State() { koi_bpf__destroy(skeleton); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::string PathOf(const std::string& map) const { return absl::StrCat(pin_directory, "/", map); }
  std::vector<bpf_map*> Maps() const;
  void RemoveMapPins() const;
  absl::Status UsePins();

  koi_bpf* skeleton;
  std::string pin_directory;
};

// All but the template of the workers' maps and what the compiler made (constants), which is the
// object's own.
std::vector<bpf_map*> BpfObject::State::Maps() const {
  std::vector<bpf_map*> maps;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton->obj) {
    if (map != skeleton->maps.koi_worker_N && !bpf_map__is_internal(map)) maps.push_back(map);
  }
  return maps;
}

// What cannot be removed makes the pinning fail later, with its name.
void BpfObject::State::RemoveMapPins() const {
  for (const bpf_map* map : Maps()) ::unlink(PathOf(bpf_map__name(map)).c_str());
  for (int cpu = 0; cpu < KOI_CPUS_MAX; ++cpu) {
    ::unlink(PathOf(absl::StrCat("koi_worker_", cpu)).c_str());
  }
}

absl::Status BpfObject::State::UsePins() {
  for (bpf_map* map : Maps()) {
    const std::string path = PathOf(bpf_map__name(map));
    KOI_ASSIGN_OR_RETURN(const Fd pinned, OpenPin(path, map));
    if (pinned.valid() && map == skeleton->maps.koi_settings) {
      KOI_RETURN_IF_ERROR(CheckVersion(pinned, path));
    }
    if (const int error = bpf_map__set_pin_path(map, path.c_str()); error != 0) {
      return absl::ErrnoToStatus(-error, absl::StrCat("cannot pin at ", path));
    }
  }
  return absl::OkStatus();
}

BpfObject::BpfObject(std::unique_ptr<State> state) : state_(std::move(state)) {}
BpfObject::~BpfObject() = default;

absl::StatusOr<std::unique_ptr<BpfObject>> BpfObject::Load(const std::string& pin_directory,
                                                           ExistingMaps existing) {
  KOI_RETURN_IF_ERROR(PrepareBpffs(pin_directory));
  const LibbpfLog log;
  koi_bpf* skeleton = koi_bpf__open();
  if (skeleton == nullptr) return LoadError(errno, log.text());
  auto state = std::make_unique<State>(skeleton, pin_directory);
  bpf_map__set_autocreate(skeleton->maps.koi_worker_N, false);
  bpf_map__set_max_entries(skeleton->maps.koi_cpus, CpuMapEntries());

  if (existing == ExistingMaps::kReplace) state->RemoveMapPins();
  KOI_RETURN_IF_ERROR(state->UsePins());
  if (const int error = koi_bpf__load(skeleton); error != 0) return LoadError(-error, log.text());
  KOI_RETURN_IF_ERROR(MarkVersion(bpf_map__fd(skeleton->maps.koi_settings)));
  return std::unique_ptr<BpfObject>(new BpfObject(std::move(state)));
}

int BpfObject::xdp_program_fd() const { return bpf_program__fd(state_->skeleton->progs.koi_xdp); }

int BpfObject::sk_lookup_program_fd() const {
  return bpf_program__fd(state_->skeleton->progs.koi_sk_lookup);
}

absl::StatusOr<Fd> BpfObject::MapFd(const std::string& name) const {
  const bpf_map* map = bpf_object__find_map_by_name(state_->skeleton->obj, name.c_str());
  KOI_CHECK(map != nullptr && map != state_->skeleton->maps.koi_worker_N);
  return Fd::DuplicateOf(bpf_map__fd(map));
}

absl::StatusOr<Fd> BpfObject::WorkerMapFd(int cpu) {
  KOI_CHECK(cpu >= 0 && cpu < KOI_CPUS_MAX);
  const bpf_map* pattern = state_->skeleton->maps.koi_worker_N;
  const std::string name = absl::StrCat(absl::StripSuffix(kWorkerTemplate, "N"), cpu);
  const std::string path = state_->PathOf(name);
  KOI_ASSIGN_OR_RETURN(Fd pinned, OpenPin(path, pattern));
  if (pinned.valid()) return pinned;

  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = bpf_map__map_flags(pattern);
  options.btf_fd = static_cast<uint32_t>(bpf_object__btf_fd(state_->skeleton->obj));
  options.btf_key_type_id = bpf_map__btf_key_type_id(pattern);
  options.btf_value_type_id = bpf_map__btf_value_type_id(pattern);
  Fd fd(bpf_map_create(bpf_map__type(pattern), name.c_str(), bpf_map__key_size(pattern),
                       bpf_map__value_size(pattern), bpf_map__max_entries(pattern), &options));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the map ", name));
  if (bpf_obj_pin(fd.get(), path.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot pin ", path));
  }
  return fd;
}

}  // namespace koi
