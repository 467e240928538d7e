// SPDX-License-Identifier: Apache-2.0
// Walking through koi_flows in batches, and removing from it.
#include "dataplane/flow_map.h"

#include <koi/abi/flow.h>
#include <koi/abi/ring.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <vector>

#include "base/status_macros.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

static_assert(kFlowTimeGrain.count() == KOI_TIME_GRAIN_NS);
static_assert(sizeof(FlowKey) == sizeof(koi_flow_key));

// No bucket of a hash whose keys are themselves hashes comes near it; a batch must hold a bucket.
constexpr size_t kBatchMin = 256;

Flow FromAbi(const koi_flow& flow) {
  return {.used = FromNanoseconds(flow.used_ns),
          .slot = flow.slot,
          .pool = flow.pool,
          .backend = flow.backend,
          .epoch = flow.epoch,
          .protocol = flow.protocol};
}

}  // namespace

absl::StatusOr<bool> FlowMap::Walk(
    Place& place, size_t budget, absl::FunctionRef<void(const FlowKey&, const Flow&)> visit) const {
  std::vector<koi_flow_key> keys(std::max(budget, kBatchMin));
  std::vector<koi_flow> flows(keys.size());
  auto count = static_cast<uint32_t>(keys.size());
  uint32_t next = 0;
  const int result = bpf_map_lookup_batch(flows_fd_.get(), place.begun ? &place.bucket : nullptr,
                                          &next, keys.data(), flows.data(), &count, nullptr);
  const bool through = result != 0 && errno == ENOENT;
  if (result != 0 && !through) {
    const int error = errno;
    place = {};
    return map_calls::ErrorOf(error, "cannot walk through koi_flows");
  }
  place = through ? Place() : Place{.begun = true, .bucket = next};
  for (uint32_t i = 0; i < count; ++i) visit(std::bit_cast<FlowKey>(keys[i]), FromAbi(flows[i]));
  return through;
}

absl::Status FlowMap::RemoveIf(const FlowKey& key, absl::FunctionRef<bool(const Flow&)> dead) {
  koi_flow flow = {};
  if (bpf_map_lookup_and_delete_elem(flows_fd_.get(), &key, &flow) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return map_calls::ErrorOf(errno, "cannot remove a flow");
  }
  if (dead(FromAbi(flow))) return absl::OkStatus();
  // A packet has brought it back to life meanwhile. Should the next one have come already and made
  // an entry, that one is newer.
  if (bpf_map_update_elem(flows_fd_.get(), &key, &flow, BPF_NOEXIST) == 0 || errno == EEXIST)
    return absl::OkStatus();
  return map_calls::ErrorOf(errno, "cannot put a flow back");
}

absl::StatusOr<FlowRefusals> FlowMap::Refusals() const {
  KOI_ASSIGN_OR_RETURN(
      const auto state,
      map_calls::Get<koi_flow_state>(state_fd_.get(), uint32_t{0}, "cannot read koi_flow_state"));
  return FlowRefusals{.last = FromNanoseconds(state.full_ns), .count = state.refused};
}

}  // namespace koi
