// SPDX-License-Identifier: Apache-2.0
// The start of koi-manager: everything that may be wrong before it is a manager.
#include "manager/start.h"

#include <cstdio>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/sealed_file.h"
#include "base/status_macros.h"
#include "manager/snapshot.h"
#include "manager/state_file.h"

namespace koi {
namespace {

// The certificates that were in use; those that are missing are read from disk.
CertificateSets HeldCertificates(const std::map<std::string, Fd>& held) {
  const auto found = held.find(kHeldCertificates);
  if (found == held.end()) return {};
  const absl::StatusOr<std::string> bytes = SealedBytes(found->second.get());
  absl::StatusOr<CertificateSets> sets =
      bytes.ok() ? DecodeCertificateSets(*bytes) : bytes.status();
  if (sets.ok()) return *std::move(sets);
  LogError("certificates are read anew", {{"why", sets.status().message()}});
  return {};
}

absl::StatusOr<Snapshot> ReadSnapshot(int fd) {
  KOI_ASSIGN_OR_RETURN(const std::string bytes, SealedBytes(fd));
  return DecodeSnapshot(bytes);
}

// What the manager before this one had applied; nothing where there was none.
std::optional<Snapshot> HeldSnapshot(const std::map<std::string, Fd>& held) {
  const auto applied = held.find(kHeldApplied);
  if (applied == held.end()) return std::nullopt;
  absl::StatusOr<Snapshot> snapshot = ReadSnapshot(applied->second.get());
  if (snapshot.ok()) return *std::move(snapshot);
  LogError("the configuration is read anew", {{"why", snapshot.status().message()}});
  return std::nullopt;
}

// Without the CLI's changes. Everything that is wrong is said.
std::optional<Desired> ReadDesired(const ConfigSources& sources,
                                   const std::optional<Snapshot>& snapshot,
                                   const CertificateSets& certificates,
                                   const std::function<void()>& progress) {
  const GoOn go_on = [&progress] {
    progress();
    return true;
  };
  DesiredResult result =
      snapshot.has_value()
          ? MakeDesired({.sources = snapshot->sources},
                        KeptReaders(snapshot->files, certificates, go_on), State(),
                        snapshot->numbered)
          : MakeDesired(sources.Read(), DiskReaders(certificates, go_on), State(), Config());
  if (!result.chosen.empty()) LogInfo(absl::StrCat("from the command line: ", result.chosen));
  for (const std::string& warning : result.warnings) LogWarn(warning);
  for (const ConfigError& error : result.errors)
    std::fprintf(stderr, "%s\n", error.ToString().c_str());
  if (!result.desired.has_value()) {
    LogError("configuration invalid: not started",
             {{"path", sources.path()}, {"errors", result.errors.size()}});
  }
  return std::move(result.desired);
}

// The CLI's changes: those on disk, or, where these cannot be used or are older, those that the
// manager before this one knew.
State ReadState(const StateFile& file, const std::optional<Snapshot>& snapshot,
                std::vector<std::string>& warnings) {
  StateFile::Loaded loaded = file.Load();
  if (snapshot.has_value() &&
      (!loaded.state.has_value() || loaded.state->revision < snapshot->state.revision)) {
    if (!loaded.warning.empty()) LogWarn(loaded.warning, {{"then", "kept from before"}});
    const absl::Status saved = file.Save(snapshot->state);
    if (!saved.ok()) LogWarn("cannot keep state.toml", {{"why", saved.message()}});
    return snapshot->state;
  }
  if (loaded.state.has_value()) return *std::move(loaded.state);
  LogError(loaded.warning);
  warnings.push_back(loaded.warning);
  return State();
}

}  // namespace

BeginningResult Begin(const ConfigSources& sources, const std::map<std::string, Fd>& held,
                      const std::function<void()>& progress) {
  const std::optional<Snapshot> snapshot = HeldSnapshot(held);
  std::optional<Desired> desired = ReadDesired(sources, snapshot, HeldCertificates(held), progress);
  if (!desired.has_value()) return {.exit_code = kExitConfigInvalid};

  Beginning beginning{.desired = *std::move(desired)};
  const StateFile file(beginning.desired.config.node.state);
  const State state = ReadState(file, snapshot, beginning.warnings);
  const std::vector<std::string> dropped = PutState(state, beginning.desired);
  for (const std::string& change : dropped) LogWarn(change);
  if (!dropped.empty()) {
    const absl::Status saved = file.Save(beginning.desired.state);
    if (!saved.ok()) LogWarn("cannot keep state.toml", {{"why", saved.message()}});
  }
  return {.beginning = std::move(beginning)};
}

}  // namespace koi
