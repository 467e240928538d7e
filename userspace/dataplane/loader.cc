// SPDX-License-Identifier: Apache-2.0
// Opening, checking and loading koi's BPF object with libbpf.
#include "dataplane/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <koi.skel.h>
#include <koi/abi/settings.h>
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
#include "dataplane/map_pattern.h"

namespace koi {
namespace {

constexpr char kWorkerTemplate[] = "koi_worker_N";
constexpr uint32_t kOnlyEntry = 0;

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

  int btf_fd() const { return bpf_object__btf_fd(skeleton->obj); }

  koi_bpf* skeleton;
  std::string pin_directory;
  MapPattern ring;
  MapPattern slots;
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
  for (const char* folder : {kRingPins, kSlotPins}) (void)RemovePins(PathOf(folder));
}

absl::Status BpfObject::State::UsePins() {
  for (bpf_map* map : Maps()) {
    const std::string path = PathOf(bpf_map__name(map));
    // The kernel adds a flag to a devmap that nobody may ask for when he makes one.
    if (map == skeleton->maps.koi_devices && ::access(path.c_str(), F_OK) == 0) {
      (void)bpf_map__set_map_flags(map, bpf_map__map_flags(map) | BPF_F_RDONLY_PROG);
    }
    KOI_ASSIGN_OR_RETURN(const Fd pinned, OpenPin(path, ShapeOf(map)));
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
                                                           ExistingMaps existing,
                                                           const MapSizes& sizes) {
  KOI_RETURN_IF_ERROR(PrepareBpffs(pin_directory));
  const LibbpfLog log;
  koi_bpf* skeleton = koi_bpf__open();
  if (skeleton == nullptr) return BpfError(errno, log.text());
  auto state = std::make_unique<State>(skeleton, pin_directory);
  bpf_map__set_autocreate(skeleton->maps.koi_worker_N, false);
  bpf_map__set_max_entries(skeleton->maps.koi_cpus, CpuMapEntries());
  bpf_map__set_max_entries(skeleton->maps.koi_flows, sizes.flows);
  // libbpf forgets the patterns of inner maps when it has made the outer ones.
  state->ring = PatternOf(bpf_map__inner_map(skeleton->maps.koi_rings), -1);
  state->slots = PatternOf(bpf_map__inner_map(skeleton->maps.koi_slots), -1);

  if (existing == ExistingMaps::kReplace) state->RemoveMapPins();
  KOI_RETURN_IF_ERROR(state->UsePins());
  if (const int error = koi_bpf__load(skeleton); error != 0) return BpfError(-error, log.text());
  state->ring.btf_fd = state->slots.btf_fd = state->btf_fd();
  KOI_RETURN_IF_ERROR(MarkVersion(bpf_map__fd(skeleton->maps.koi_settings)));
  return std::unique_ptr<BpfObject>(new BpfObject(std::move(state)));
}

int BpfObject::xdp_program_fd() const { return bpf_program__fd(state_->skeleton->progs.koi_xdp); }

int BpfObject::explain_program_fd() const {
  return bpf_program__fd(state_->skeleton->progs.koi_explain);
}

int BpfObject::sk_lookup_program_fd() const {
  return bpf_program__fd(state_->skeleton->progs.koi_sk_lookup);
}

absl::StatusOr<Fd> BpfObject::MapFd(const std::string& name) const {
  const bpf_map* map = bpf_object__find_map_by_name(state_->skeleton->obj, name.c_str());
  KOI_CHECK(map != nullptr && map != state_->skeleton->maps.koi_worker_N);
  return Fd::DuplicateOf(bpf_map__fd(map));
}

const MapPattern& BpfObject::ring_pattern() const { return state_->ring; }
const MapPattern& BpfObject::slots_pattern() const { return state_->slots; }
const std::string& BpfObject::pin_directory() const { return state_->pin_directory; }

absl::StatusOr<Fd> BpfObject::WorkerMapFd(int cpu) {
  KOI_CHECK(cpu >= 0 && cpu < KOI_CPUS_MAX);
  const bpf_map* worker = state_->skeleton->maps.koi_worker_N;
  const std::string name = absl::StrCat(absl::StripSuffix(kWorkerTemplate, "N"), cpu);
  const std::string path = state_->PathOf(name);
  KOI_ASSIGN_OR_RETURN(Fd pinned, OpenPin(path, ShapeOf(worker)));
  if (pinned.valid()) return pinned;
  KOI_ASSIGN_OR_RETURN(Fd fd, MakeMap(name, PatternOf(worker, state_->btf_fd())));
  KOI_RETURN_IF_ERROR(PinMap(fd.get(), path));
  return fd;
}

}  // namespace koi
