// SPDX-License-Identifier: Apache-2.0
// Backends by the CLI, reload and diff.
#include "manager/operations.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "config/state_changes.h"
#include "leftovers/vips.h"
#include "manager/explain.h"
#include "manager/reload_plan.h"

namespace koi {
namespace {

// What `by` did now, for `reason` or, where none was given, by which command.
StateNote Note(const std::string& by, const std::string& reason, const std::string& command) {
  return {.by = by,
          .at = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone()),
          .why = reason.empty() ? absl::StrCat("koi backend ", command) : reason};
}

std::optional<BackendEntry> EntryOf(const PoolTable& pools, const std::string& pool,
                                    const std::string& name) {
  for (BackendEntry& entry : pools.List()) {
    if (entry.pool_name == pool && entry.name == name) return std::move(entry);
  }
  return std::nullopt;
}

void LogReport(const ReloadReport& report) {
  for (const ConfigChange& change : report.changes) {
    LogInfo("reload changes", {{"what", change.ToString()}});
  }
  for (const std::string& service : report.certificates) {
    LogInfo("reload changes", {{"what", absl::StrCat("~ certificate of service ", service)}});
  }
  for (const std::string& dropped : report.dropped) LogWarn(dropped);
  for (const std::string& warning : report.warnings) LogWarn(warning);
}

// Why nothing is reloaded, a line each.
void LogRefusal(const ReloadReport& report) {
  for (const ConfigError& error : report.errors) LogError(error.ToString());
  if (!report.needs_restart.empty()) {
    LogError("reload refused: needs a restart of koid",
             {{"what", absl::StrJoin(report.needs_restart, ", ")}});
  } else {
    LogError("reload refused: configuration invalid", {{"errors", report.errors.size()}});
  }
}

}  // namespace

Operations::Operations(EventLoop& loop, ConfigSources sources, Desired running, Parts parts,
                       Applied applied)
    : loop_(loop),
      sources_(std::move(sources)),
      state_file_(running.config.node.state),
      running_(std::move(running)),
      parts_(parts),
      applied_(std::move(applied)) {
  parts_.certificates.OnChange([this] { TakeCertificates(); });
  parts_.certificates.Follow(running_.config, running_.certificates);
}

absl::Status Operations::ReadAnew(const char* what, std::function<void(DesiredResult)> work,
                                  std::function<void()> then) {
  // The thread has copies of all that may change here; certificates themselves never do.
  auto task = BackgroundTask::Start(
      loop_,
      [sources = sources_, before = parts_.certificates.certificates(), state = running_.state,
       numbered = running_.file, work = std::move(work)](const std::atomic<bool>& stopped) {
        work(MakeDesired(sources.Read(), DiskReaders(before, [&stopped] { return !stopped; }),
                         state, numbered));
      },
      [this, then = std::move(then)] {
        reading_.reset();
        then();
      });
  KOI_RETURN_IF_ERROR(task.status());
  reading_ = *std::move(task);
  reading_for_ = what;
  return absl::OkStatus();
}

void Operations::CollectDiff(DiffDone done) {
  if (const absl::Status idle = CheckIdle(); !idle.ok()) return done(idle);
  const auto report = std::make_shared<DiffReport>();
  const absl::Status begun = ReadAnew(
      "diff",
      [report, running = running_](const DesiredResult& next) {
        *report = {.reload = PlanReload(running, next), .cli = CliChangesOf(running.state)};
      },
      [report, done] { done(*report); });
  if (!begun.ok()) done(begun);
}

absl::Status Operations::CheckIdle() const {
  const bool reload = parts_.reconciler.running() || parts_.certificates.reloading();
  if (!reload && reading_ == nullptr) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat("a ", reload ? "reload" : reading_for_, " is under way; try again"));
}

void Operations::Reload(const std::string& by, ReloadDone done) {
  if (const absl::Status idle = CheckIdle(); !idle.ok()) return done(idle);
  LogInfo("reload", {{"by", by}});
  parts_.certificates.Pause();
  const auto next = std::make_shared<DesiredResult>();
  const absl::Status begun = ReadAnew(
      "reload", [next](DesiredResult read) { *next = std::move(read); },
      [this, next, done] { Apply(std::move(*next), done); });
  if (begun.ok()) return;
  parts_.certificates.Resume();
  LogError("reload refused", {{"why", begun.message()}});
  done(begun);
}

void Operations::Apply(DesiredResult next, const ReloadDone& done) {
  // Backends may have been changed while it was read.
  if (next.desired.has_value()) next.dropped = PutState(running_.state, *next.desired);
  ReloadReport report = PlanReload(running_, next);
  const bool possible = report.outcome == ReloadReport::Outcome::kPending ||
                        report.outcome == ReloadReport::Outcome::kUnchanged;
  if (possible) return Begin(std::move(report), *std::move(next.desired), done);
  parts_.certificates.Resume();
  LogRefusal(report);
  done(std::move(report));
}

// Also where nothing is to be changed: whatever somebody else changed is put right.
void Operations::Begin(ReloadReport report, Desired next, ReloadDone done) {
  const absl::Status free = CheckVipsAreFree(next.config.vips);
  if (!free.ok()) {
    parts_.certificates.Resume();
    LogError("reload refused", {{"why", free.message()}});
    return done(Annotate(free, "nothing was changed"));
  }
  if (next.state != running_.state) {
    const absl::Status saved = state_file_.Save(next.state);
    if (!saved.ok()) {
      parts_.certificates.Resume();
      return done(saved);
    }
  }
  next_ = std::move(next);
  parts_.reconciler.Apply(
      running_, next_,
      [this, report = std::move(report), done = std::move(done)](
          const absl::Status& status) mutable { Finish(status, std::move(report), done); });
}

void Operations::Finish(const absl::Status& status, ReloadReport report, const ReloadDone& done) {
  if (!status.ok()) {
    LogError("reload failed", {{"why", status.message()}});
    if (next_.state != running_.state) (void)state_file_.Save(running_.state);
    parts_.certificates.Follow(running_.config, running_.certificates);
    return done(status);
  }
  LogReport(report);
  running_ = std::exchange(next_, {});
  parts_.certificates.Follow(running_.config, running_.certificates);
  if (report.outcome == ReloadReport::Outcome::kPending) {
    report.outcome = ReloadReport::Outcome::kApplied;
  }
  LogInfo("reloaded", {{"changes", report.changes.size() + report.certificates.size()}});
  applied_(running_);
  done(std::move(report));
}

absl::StatusOr<BackendChange> Operations::AddBackend(const BackendAdd& add, const std::string& by) {
  KOI_ASSIGN_OR_RETURN(const Endpoint endpoint, Endpoint::Parse(add.address));
  AddedBackend backend{
      .pool = add.pool,
      .name = add.name,
      .endpoint = endpoint,
      .weight = add.weight,
      .note = Note(by, add.reason,
                   absl::StrCat("add ", add.pool, " ", add.name, " ", endpoint.ToString()))};
  return MakeTrue(add.pool, add.name, WithAdded(running_.state, running_.file, std::move(backend)));
}

absl::StatusOr<BackendChange> Operations::DrainBackend(const BackendName& backend,
                                                       const std::string& by) {
  return Change(backend, "drain", by, WithDraining);
}

absl::StatusOr<BackendChange> Operations::UndrainBackend(const BackendName& backend,
                                                         const std::string& by) {
  return Change(backend, "undrain", by, WithoutDraining);
}

absl::StatusOr<BackendChange> Operations::WeightBackend(const BackendWeight& backend,
                                                        const std::string& by) {
  WeightedBackend weighted{
      .pool = backend.pool,
      .name = backend.name,
      .weight = backend.weight,
      .note = Note(by, backend.reason,
                   absl::StrCat("weight ", backend.pool, " ", backend.name, " ", backend.weight))};
  return MakeTrue(backend.pool, backend.name,
                  WithWeight(running_.state, running_.file, std::move(weighted)));
}

absl::StatusOr<BackendChange> Operations::RemoveBackend(const BackendName& backend,
                                                        const std::string& by) {
  return Change(backend, "remove", by, WithRemoved);
}

void Operations::ListCertificates(CertificatesListed done) {
  const auto list = std::make_shared<CertificateList>(parts_.certificates.List());
  const auto json = std::make_shared<std::string>();
  const auto place = listing_.emplace(listing_.end());
  auto task = BackgroundTask::Start(
      loop_, [list, json](const std::atomic<bool>&) { *json = EncodeJson(*list); },
      [this, place, json, done] {
        // What was captured goes with the task.
        const CertificatesListed answer = done;
        const std::shared_ptr<std::string> text = json;
        listing_.erase(place);
        answer(std::move(*text));
      });
  if (task.ok()) {
    *place = *std::move(task);
    return;
  }
  listing_.erase(place);
  done(EncodeJson(*list));
}

void Operations::ReloadCertificates(CertificatesDone done) {
  const absl::Status idle = CheckIdle();
  if (idle.ok()) return parts_.certificates.Reload(std::move(done));
  CertificateList list = parts_.certificates.List();
  list.errors.emplace_back(idle.message());
  done(list);
}

void Operations::TakeCertificates() {
  running_.services = parts_.workers.services();
  running_.certificates = parts_.certificates.certificates();
  running_.pools = parts_.workers.pools();
  for (const auto& [path, text] : parts_.certificates.pool_files()) running_.files[path] = text;
  applied_(running_);
}

absl::StatusOr<CpuStats> Operations::ReplaceWorker(const WorkerReplace& order) {
  KOI_RETURN_IF_ERROR(parts_.workers.Replace(order.cpu, std::chrono::milliseconds(order.limit_ms)));
  for (const CpuStats& cpu : collector_->Collect().cpus) {
    if (cpu.cpu == order.cpu) return cpu;
  }
  return absl::NotFoundError(absl::StrCat("there is no CPU ", order.cpu));
}

absl::StatusOr<ExplainReport> Operations::Explain(const ExplainOrder& order) {
  KOI_ASSIGN_OR_RETURN(const Explanation found, parts_.data_plane.Explain(PacketOf(order)));
  return ReportOf(found, running_.config, parts_.pools.List(), Now());
}

absl::StatusOr<BackendChange> Operations::Change(const BackendName& backend, const char* verb,
                                                 const std::string& by, StateChange change) {
  NotedBackend noted{
      .pool = backend.pool,
      .name = backend.name,
      .note = Note(by, backend.reason, absl::StrCat(verb, " ", backend.pool, " ", backend.name))};
  return MakeTrue(backend.pool, backend.name,
                  change(running_.state, running_.file, std::move(noted)));
}

absl::StatusOr<BackendChange> Operations::MakeTrue(const std::string& pool, const std::string& name,
                                                   absl::StatusOr<State> next) {
  if (parts_.reconciler.running()) return CheckIdle();
  KOI_RETURN_IF_ERROR(next.status());
  const std::optional<BackendEntry> before = EntryOf(parts_.pools, pool, name);
  if (*next != running_.state) {
    AppliedState applied = ApplyState(*next, running_.file);
    KOI_RETURN_IF_ERROR(state_file_.Save(applied.state));
    const absl::Status changed = parts_.reconciler.ApplyBackends(running_.config, applied.config);
    if (!changed.ok()) {
      (void)state_file_.Save(running_.state);
      return changed;
    }
    running_.config = std::move(applied.config);
    running_.state = std::move(applied.state);
    applied_(running_);
  }
  std::optional<BackendEntry> after = EntryOf(parts_.pools, pool, name);
  if (!after.has_value()) after = before;
  if (!after.has_value()) return absl::InternalError("the table of backends lacks it");
  return BackendChange{pool, collector_->CollectBackend(*after)};
}

}  // namespace koi
