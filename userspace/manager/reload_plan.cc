// SPDX-License-Identifier: Apache-2.0
// Comparing what runs with what should.
#include "manager/reload_plan.h"

#include "config/diff.h"

namespace koi {
namespace {

// Services of both whose certificates are other ones, be it in the same files.
std::vector<std::string> OtherCertificates(const Desired& running, const Desired& next) {
  std::vector<std::string> names;
  for (const WorkerService& service : next.services) {
    for (const WorkerService& before : running.services) {
      if (before.name != service.name || before.tls != TlsMode::kTerminate ||
          service.tls != TlsMode::kTerminate)
        continue;
      if (before.certificates != service.certificates ||
          before.client_ca_pem != service.client_ca_pem) {
        names.push_back(service.name);
      }
    }
  }
  return names;
}

CliChange ChangeOf(const char* what, const NotedBackend& backend) {
  return {.change = what,
          .pool = backend.pool,
          .name = backend.name,
          .address = "",
          .weight = 0,
          .by = backend.note.by,
          .at = backend.note.at,
          .why = backend.note.why};
}

}  // namespace

ReloadReport PlanReload(const Desired& running, const DesiredResult& next) {
  ReloadReport report;
  report.errors = next.errors;
  report.warnings = next.warnings;
  if (!next.desired.has_value()) {
    report.outcome = ReloadReport::Outcome::kInvalid;
    return report;
  }
  report.changes = DiffConfigs(running.config, next.desired->config);
  report.certificates = OtherCertificates(running, *next.desired);
  report.dropped = next.dropped;
  report.needs_restart = ChangesNeedingRestart(report.changes);
  if (!report.needs_restart.empty()) {
    report.outcome = ReloadReport::Outcome::kNeedsRestart;
  } else if (!report.changes.empty() || !report.certificates.empty() || !report.dropped.empty()) {
    report.outcome = ReloadReport::Outcome::kPending;
  }
  return report;
}

std::vector<CliChange> CliChangesOf(const State& state) {
  std::vector<CliChange> changes;
  for (const AddedBackend& added : state.added) {
    CliChange change = ChangeOf("added", {added.pool, added.name, added.note});
    change.address = added.endpoint.ToString();
    change.weight = added.weight;
    changes.push_back(std::move(change));
  }
  for (const NotedBackend& removed : state.removed) {
    changes.push_back(ChangeOf("removed", removed));
  }
  for (const NotedBackend& draining : state.draining) {
    changes.push_back(ChangeOf("draining", draining));
  }
  for (const WeightedBackend& weighted : state.weighted) {
    changes.push_back(ChangeOf("weighted", {weighted.pool, weighted.name, weighted.note}));
    changes.back().weight = weighted.weight;
  }
  return changes;
}

}  // namespace koi
