// SPDX-License-Identifier: Apache-2.0
// The steps of a change.
#include "manager/reconciler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr Duration kLookInterval = std::chrono::milliseconds(5);
// New backends that have not been checked by then are added unchecked.
constexpr Duration kFirstChecksLimit = std::chrono::seconds(3);
// A worker that has not answered by then is stuck, and will be replaced by one that is told anew.
constexpr Duration kWorkersLimit = std::chrono::seconds(3);
// A koi-carp that does not run is told when it does.
constexpr Duration kCarpLimit = std::chrono::seconds(2);

}  // namespace

absl::Status Reconciler::SetUp(const Desired& desired) {
  const Config& config = desired.config;
  KOI_RETURN_IF_ERROR(parts_.data_plane.RemoveOtherServices(config));
  // At a start the pins may hold more than there is room for beside what is new.
  parts_.pools.RemoveOthers(config.pools);
  KOI_RETURN_IF_ERROR(parts_.pools.AddMissing(config.pools));
  KOI_RETURN_IF_ERROR(parts_.rings.RemoveOthers(config));
  KOI_RETURN_IF_ERROR(parts_.rings.AddMissing(config));
  KOI_RETURN_IF_ERROR(parts_.data_plane.AddVips(config));
  KOI_RETURN_IF_ERROR(parts_.data_plane.AddL4Pools(config));
  KOI_RETURN_IF_ERROR(parts_.data_plane.AddServices(config));
  KOI_RETURN_IF_ERROR(parts_.data_plane.RemoveOtherL4Pools(config));
  return parts_.data_plane.RemoveOtherVips(config);
}

absl::Status Reconciler::ApplyBackends(const Config& before, const Config& after) {
  const absl::Status added = parts_.pools.AddMissing(after.pools);
  parts_.pools.RemoveOthers(added.ok() ? after.pools : before.pools);
  return added;
}

void Reconciler::Apply(const Desired& before, const Desired& after, Done done) {
  KOI_CHECK(!running());
  before_ = &before;
  after_ = &after;
  services_given_ = false;
  done_ = std::move(done);
  const absl::Status endpoint = parts_.endpoints.PrepareStats(after.config.stats);
  if (!endpoint.ok()) return Fail(endpoint);
  const absl::Status added = parts_.pools.AddMissing(after.config.pools);
  if (!added.ok()) return Fail(added);
  AwaitChecks();
}

void Reconciler::Await(Duration limit, std::function<bool()> condition,
                       std::function<void()> next) {
  if (condition() || limit <= Duration::zero()) return next();
  timer_ = parts_.loop.After(
      kLookInterval, [this, limit, condition = std::move(condition), next = std::move(next)] {
        // Copies: another timer takes this one's place.
        const auto again = condition;
        const auto then = next;
        Await(limit - kLookInterval, again, then);
      });
}

void Reconciler::AwaitChecks() {
  Await(
      kFirstChecksLimit, [this] { return parts_.pools.AllChecked(after_->config.pools); },
      [this] { GiveServices(); });
}

void Reconciler::GiveServices() {
  absl::Status status = parts_.data_plane.RemoveOtherServices(after_->config);
  if (!status.ok()) return Fail(status);
  if (after_->services == parts_.workers.services() && after_->pools == parts_.workers.pools()) {
    return AddAndTellCarp();
  }
  status = parts_.workers.Update(after_->services, after_->pools);
  if (!status.ok()) return Fail(status);
  services_given_ = true;
  const auto all_answered = [this] {
    const std::vector<const WorkerFleet::Cpu*> cpus = parts_.workers.List();
    return std::all_of(cpus.begin(), cpus.end(), [this](const WorkerFleet::Cpu* cpu) {
      const WorkerFleet::Worker& worker = cpu->in_place;
      return worker.state != WorkerState::kServing || !worker.refusal.empty() ||
             worker.revision == parts_.workers.revision();
    });
  };
  Await(kWorkersLimit, all_answered, [this] {
    const std::string refusal = WhyWorkersRefuse();
    if (!refusal.empty()) return Fail(absl::InternalError(refusal));
    AddAndTellCarp();
  });
}

std::string Reconciler::WhyWorkersRefuse() const {
  for (const WorkerFleet::Cpu* cpu : parts_.workers.List()) {
    const WorkerFleet::Worker& worker = cpu->in_place;
    if (worker.state == WorkerState::kServing && !worker.refusal.empty()) {
      return absl::StrCat("the worker of CPU ", cpu->number,
                          " cannot serve this: ", worker.refusal);
    }
  }
  return "";
}

void Reconciler::AddAndTellCarp() {
  const Config& config = after_->config;
  absl::Status status = parts_.rings.AddMissing(config);
  if (status.ok()) status = parts_.data_plane.AddVips(config);
  if (status.ok()) status = parts_.data_plane.AddL4Pools(config);
  if (status.ok()) status = parts_.data_plane.AddServices(config);
  if (!status.ok()) return Fail(status);
  const CarpConfigure configure = CarpConfigureFrom(config);
  if (EncodeCarpMessage(configure) == EncodeCarpMessage(CarpConfigureFrom(before_->config))) {
    return RemoveOthers();
  }
  absl::StatusOr<Fd> gates = parts_.data_plane.GatesMap();
  status = gates.ok()
               ? parts_.carp.Configure(configure, parts_.data_plane.xdp_program_fd(), gates->get())
               : gates.status();
  if (!status.ok()) return Fail(status);
  Await(
      kCarpLimit, [this] { return parts_.carp.configured(); }, [this] { RemoveOthers(); });
}

void Reconciler::RemoveOthers() {
  const absl::Status removed = parts_.data_plane.RemoveOtherVips(after_->config);
  if (!removed.ok()) LogError("VIPs that went are still known", {{"why", removed.message()}});
  // Steering may change at any time; where the interface is gone for now, the next look does it.
  (void)parts_.data_plane.RefreshSettings(after_->config);
  parts_.pools.RemoveOthers(after_->config.pools);
  absl::Status rings = parts_.rings.RemoveOthers(after_->config);
  rings.Update(parts_.data_plane.RemoveOtherL4Pools(after_->config));
  if (!rings.ok()) LogError("rings that went are still there", {{"why", rings.message()}});
  parts_.endpoints.CommitStats();
  Finish(absl::OkStatus());
}

// Back to what was. koi-carp is told last, so there is nothing to take back from it.
void Reconciler::Fail(const absl::Status& why) {
  parts_.endpoints.AbandonStats();
  const Config& config = before_->config;
  absl::Status undone = parts_.rings.AddMissing(config);
  if (undone.ok()) undone = parts_.data_plane.AddVips(config);
  if (undone.ok()) undone = parts_.data_plane.AddL4Pools(config);
  if (undone.ok()) undone = parts_.data_plane.AddServices(config);
  if (undone.ok()) undone = parts_.data_plane.RemoveOtherServices(config);
  if (undone.ok()) undone = parts_.data_plane.RemoveOtherL4Pools(config);
  if (undone.ok()) undone = parts_.data_plane.RemoveOtherVips(config);
  if (undone.ok() && services_given_)
    undone = parts_.workers.Update(before_->services, before_->pools);
  parts_.pools.RemoveOthers(config.pools);
  if (undone.ok()) undone = parts_.rings.RemoveOthers(config);
  if (undone.ok()) return Finish(Annotate(why, "nothing was changed"));
  Finish(Annotate(why, absl::StrCat("half of it was changed, and cannot be taken back (",
                                    undone.message(), ")")));
}

void Reconciler::Finish(const absl::Status& status) {
  before_ = nullptr;
  after_ = nullptr;
  std::exchange(done_, nullptr)(status);
}

}  // namespace koi
