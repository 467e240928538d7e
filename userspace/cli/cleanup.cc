// SPDX-License-Identifier: Apache-2.0
// koi cleanup: what a koi that died left on this host. Talks to nobody: there is no koi to talk to.
#include <unistd.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/json.h"
#include "cli/nouns.h"
#include "config/load.h"
#include "dataplane/bpffs.h"
#include "leftovers/leftovers.h"
#include "leftovers/vips.h"
#include "net/namespace_lock.h"
#include "protocol/keeper_messages.h"

namespace koi {
namespace {

std::string OptionOr(const Invocation& invocation, const std::string& name,
                     const std::string& otherwise) {
  const auto found = invocation.options.find(name);
  return found == invocation.options.end() ? otherwise : found->second;
}

// What to clean, by the options or by the configuration.
struct Task {
  LeftoverPlaces places = {};
  std::vector<VipConfig> vips = {};
};

// nullopt after all errors of the configuration were said.
std::optional<Task> ReadTask(const Invocation& invocation) {
  const LeftoverPlaces named = {.interface = OptionOr(invocation, "--interface", ""),
                                .bpffs = OptionOr(invocation, "--bpffs", ""),
                                .run = OptionOr(invocation, "--run", "")};
  if (!named.interface.empty() || !named.bpffs.empty() || !named.run.empty()) {
    return Task{.places = named};
  }
  const ConfigResult result =
      LoadConfig(ConfigFiles(OptionOr(invocation, "--config", kDefaultConfigPath)));
  if (!result.config.has_value()) {
    for (const ConfigError& error : result.errors) invocation.talk << error.ToString() << '\n';
    invocation.talk << "koi: the configuration would tell what to clean: correct it, or name it by "
                       "--interface, --bpffs and --run\n";
    return std::nullopt;
  }
  const NodeConfig& node = result.config->node;
  return Task{.places = {.interface = node.interface, .bpffs = node.bpffs, .run = node.run},
              .vips = result.config->vips};
}

absl::StatusOr<NamespaceLock> LockNode() {
  absl::StatusOr<NamespaceLock> lock = NamespaceLock::Take(kNodeLockName);
  if (!absl::IsAlreadyExists(lock.status())) return lock;
  return absl::AlreadyExistsError(
      absl::StrCat("koi runs in this network namespace, stop it first: ", lock.status().message()));
}

// No descriptor where there is nothing to lock.
absl::StatusOr<Fd> LockPinsIfAny(const std::string& bpffs) {
  if (bpffs.empty() || ::access(bpffs.c_str(), F_OK) != 0) return Fd();
  return LockPins(bpffs);
}

class Cleaning {
 public:
  explicit Cleaning(const Invocation& invocation)
      : dry_(invocation.options.contains("--dry-run")), talk_(invocation.talk) {
    report_.dry_run = dry_;
  }

  void Remove(const std::vector<Leftover>& items) {
    for (const Leftover& item : items) {
      const absl::Status removed = dry_ ? absl::OkStatus() : item.remove();
      const std::string kind(LeftoverKindName(item.kind));
      if (removed.ok()) {
        report_.removed.push_back({kind, item.name});
      } else {
        report_.failed.push_back({kind, item.name});
        Note(removed);
      }
    }
  }
  void Note(const absl::Status& status) {
    if (!status.ok()) talk_ << "koi: " << status.message() << '\n';
  }
  const CleanupReport& report() const { return report_; }

 private:
  const bool dry_;
  std::ostream& talk_;
  CleanupReport report_;
};

}  // namespace

absl::StatusOr<ExitCode> CleanUp(const Invocation& invocation) {
  if (::geteuid() != 0) return absl::PermissionDeniedError("only root may clean up after koi");
  KOI_ASSIGN_OR_RETURN(const NamespaceLock node_lock, LockNode());
  const std::optional<Task> task = ReadTask(invocation);
  if (!task.has_value()) return kExitConfigInvalid;
  const LeftoverPlaces& places = task->places;
  KOI_ASSIGN_OR_RETURN(Fd pins_lock, LockPinsIfAny(places.bpffs));

  Cleaning cleaning(invocation);
  cleaning.Remove(LeftProcesses());
  const FoundLeftovers found = FindLeftovers(places);
  for (const std::string& unclear : found.unclear) cleaning.Note(absl::UnknownError(unclear));
  cleaning.Remove(found.items);
  cleaning.Note(CheckVipsAreFree(task->vips));
  if (!places.bpffs.empty()) {
    if (!cleaning.report().dry_run) cleaning.Note(RemovePins(places.bpffs));
    pins_lock.Close();  // it would keep the mount busy
    cleaning.Remove(LeftMount(places.bpffs));
  }

  const CleanupReport& report = cleaning.report();
  if (invocation.json) {
    invocation.out << CleanupJson(report);
  } else {
    for (const CleanupReport::Item& item : report.removed) {
      invocation.out << (report.dry_run ? "would remove " : "removed ") << item.kind << ' '
                     << item.name << '\n';
    }
    if (report.removed.empty() && report.failed.empty()) invocation.out << "nothing to clean\n";
  }
  return report.failed.empty() ? kExitOk : kExitFailure;
}

}  // namespace koi
