// SPDX-License-Identifier: Apache-2.0
// koi backend drain, with and without waiting until it is over.
#include <poll.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/time.h"
#include "cli/backend_reply.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "config/value.h"

namespace koi {
namespace {

constexpr Duration kDrainTimeout = std::chrono::minutes(10);
constexpr Duration kDrainQuiet = std::chrono::seconds(30);
constexpr Duration kLongestDrain = std::chrono::hours(24);
constexpr Duration kLook = std::chrono::milliseconds(500);
constexpr Duration kProgress = std::chrono::seconds(10);

absl::StatusOr<Duration> DurationOption(const Invocation& invocation, const char* option,
                                        Duration otherwise) {
  const auto written = invocation.options.find(option);
  if (written == invocation.options.end()) return otherwise;
  const absl::StatusOr<Duration> duration = ParseDuration(written->second);
  if (duration.ok() && *duration > Duration::zero() && *duration <= kLongestDrain) return duration;
  return absl::InvalidArgumentError(
      absl::StrCat(option, " \"", written->second, "\" is no duration like \"30s\", at most 24h"));
}

struct DrainedBackend {
  BackendStats backend = {};
  bool l4 = false;
};

absl::StatusOr<DrainedBackend> Look(const ManagerClient& manager, const BackendName& name) {
  KOI_ASSIGN_OR_RETURN(const Stats stats, manager.CollectStats());
  for (const PoolStats& pool : stats.pools) {
    if (pool.name != name.pool) continue;
    for (const BackendStats& backend : pool.backends) {
      if (backend.name == name.name) return DrainedBackend{backend, !pool.forward.empty()};
    }
  }
  return absl::NotFoundError(
      absl::StrCat("pool \"", name.pool, "\" has no backend \"", name.name, "\" any more"));
}

std::string Remaining(const DrainedBackend& now, Duration silent) {
  if (!now.l4) return OpenConnections(now.backend);
  return absl::StrCat(now.backend.flow_entries, " flows with an entry, ", now.backend.packets,
                      " packets, the last ", FormatDuration(silent), " ago or more");
}

// koi sees no end of an l4 backend's connections: those that send nothing any more are taken for
// ended, and so is the waiting.
absl::Status AwaitDrained(const Invocation& invocation, const BackendName& name, Duration timeout,
                          Duration quiet) {
  const ManagerClient manager(invocation.socket);
  const TimePoint begun = Now();
  TimePoint last_packet = begun;
  TimePoint said = begun;
  uint64_t packets = 0;
  bool first = true;
  for (;;) {
    // A manager that restarts meanwhile goes on with it: it is asked again.
    const absl::StatusOr<DrainedBackend> now = Look(manager, name);
    if (!now.ok() && !absl::IsUnavailable(now.status())) return now.status();
    const TimePoint time = Now();
    if (now.ok()) {
      if (now->backend.admin != "draining") {
        return absl::FailedPreconditionError(
            absl::StrCat(name.name, " is not draining any more: it is ", now->backend.admin));
      }
      if (first || now->backend.packets != packets) last_packet = time;
      first = false;
      packets = now->backend.packets;
      const bool over = now->l4 ? time - last_packet >= quiet : now->backend.connections == 0;
      if (over) {
        invocation.talk << name.name << ": drained in " << FormatDuration(time - begun) << '\n';
        return absl::OkStatus();
      }
      if (time - said >= kProgress) {
        said = time;
        invocation.talk << name.name << ": " << Remaining(*now, time - last_packet) << std::endl;
      }
    }
    if (time - begun >= timeout) {
      return absl::DeadlineExceededError(
          absl::StrCat(name.name, " has not drained in ", FormatDuration(timeout),
                       now.ok() ? absl::StrCat(": ", Remaining(*now, time - last_packet)) : "",
                       "; it goes on draining"));
    }
    ::poll(nullptr, 0, static_cast<int>(ToMilliseconds(kLook)));
  }
}

}  // namespace

absl::StatusOr<ExitCode> DrainBackend(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(const Duration timeout,
                       DurationOption(invocation, "--timeout", kDrainTimeout));
  KOI_ASSIGN_OR_RETURN(const Duration quiet, DurationOption(invocation, "--quiet", kDrainQuiet));
  const BackendName name = BackendNamed(invocation);
  KOI_ASSIGN_OR_RETURN(const BackendChange change,
                       ManagerClient(invocation.socket).DrainBackend(name));
  const ExitCode reported =
      ReportChange(invocation, change, absl::StrCat("draining, ", OpenConnections(change.backend)));
  if (!invocation.options.contains("--wait")) return reported;
  KOI_RETURN_IF_ERROR(AwaitDrained(invocation, name, timeout, quiet));
  return kExitOk;
}

}  // namespace koi
