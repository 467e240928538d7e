// SPDX-License-Identifier: Apache-2.0
// Loading koi_decap and keeping its maps.
#include "dataplane/decap_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <koi/abi/decap.h>
#include <linux/bpf.h>

#include <cerrno>
#include <numeric>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "dataplane/abi_address.h"
#include "dataplane/libbpf_log.h"
#include "dataplane/map_calls.h"
#include "koi_decap.skel.h"

namespace koi {
namespace {

struct DecapReason {
  const char* name;
  xdp_action action;
  const char* help;
};

#define KOI_AS_ROW(name, action, help) {#name, action, help},
constexpr DecapReason kDecapReasons[] = {KOI_DECAPS(KOI_AS_ROW)};
#undef KOI_AS_ROW

constexpr koi_decap_present kPresent = {.present = 1};

absl::StatusOr<std::vector<DecapFigures>> ReadReasons(int map_fd) {
  std::vector<DecapFigures> all;
  for (uint32_t number = 0; number < KOI_DECAP_COUNT; ++number) {
    KOI_ASSIGN_OR_RETURN(const auto of_cpus, map_calls::GetPerCpu<uint64_t>(
                                                 map_fd, number, "cannot read koi_decap_stats"));
    const DecapReason& reason = kDecapReasons[number];
    all.push_back({.reason = reason.name,
                   .action = reason.action == XDP_PASS ? "pass" : "drop",
                   .help = reason.help,
                   .packets = std::accumulate(of_cpus.begin(), of_cpus.end(), uint64_t{0})});
  }
  return all;
}

absl::Status Refused(int error, const LibbpfLog& log) {
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat("the kernel refused koi_decap; needed are CAP_BPF, CAP_PERFMON and "
                     "CAP_NET_ADMIN: ",
                     log.text()));
  }
  return absl::ErrnoToStatus(error, absl::StrCat("cannot load koi_decap: ", log.text()));
}

}  // namespace

struct DecapProgram::State {
  ~State() { koi_decap_bpf__destroy(skeleton); }

  koi_decap_bpf* skeleton = nullptr;
  absl::flat_hash_set<Address> addresses = {};
};

DecapProgram::DecapProgram(std::unique_ptr<State> state) : state_(std::move(state)) {}
DecapProgram::~DecapProgram() = default;

absl::StatusOr<std::unique_ptr<DecapProgram>> DecapProgram::Load(absl::Span<const Prefix> from) {
  const LibbpfLog log;
  auto state = std::make_unique<State>();
  state->skeleton = koi_decap_bpf__open_and_load();
  if (state->skeleton == nullptr) return Refused(errno, log);
  for (const Prefix& prefix : from) {
    const koi_decap_from_key key = {.prefix_bits = static_cast<__u32>(128 - prefix.host_bits()),
                                    .addr = ToAbi(prefix.address())};
    KOI_RETURN_IF_ERROR(map_calls::Set(bpf_map__fd(state->skeleton->maps.koi_decap_from), key,
                                       kPresent, absl::StrCat("cannot allow ", prefix.ToString())));
  }
  return std::unique_ptr<DecapProgram>(new DecapProgram(std::move(state)));
}

int DecapProgram::program_fd() const { return bpf_program__fd(state_->skeleton->progs.koi_decap); }

absl::Status DecapProgram::SetAddresses(absl::Span<const Address> addresses) {
  const int map_fd = bpf_map__fd(state_->skeleton->maps.koi_decap_here);
  const absl::flat_hash_set<Address> wanted(addresses.begin(), addresses.end());
  for (const Address& address : wanted) {
    if (state_->addresses.contains(address)) continue;
    KOI_RETURN_IF_ERROR(map_calls::Set(map_fd, ToAbi(address), kPresent,
                                       absl::StrCat("cannot add ", address.ToString())));
  }
  for (const Address& address : state_->addresses) {
    if (wanted.contains(address)) continue;
    const koi_addr key = ToAbi(address);
    if (bpf_map_delete_elem(map_fd, &key) != 0 && errno != ENOENT) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", address.ToString()));
    }
  }
  state_->addresses = wanted;
  return absl::OkStatus();
}

absl::Status DecapProgram::PinFigures(const std::string& path) const {
  if (bpf_obj_pin(bpf_map__fd(state_->skeleton->maps.koi_decap_stats), path.c_str()) == 0) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot pin ", path));
}

absl::StatusOr<std::vector<DecapFigures>> DecapProgram::Figures() const {
  return ReadReasons(bpf_map__fd(state_->skeleton->maps.koi_decap_stats));
}

absl::StatusOr<std::vector<DecapFigures>> ReadDecapFigures(const std::string& path) {
  const Fd map(bpf_obj_get(path.c_str()));
  if (!map.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  return ReadReasons(map.get());
}

}  // namespace koi
