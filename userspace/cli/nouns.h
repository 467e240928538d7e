// SPDX-License-Identifier: Apache-2.0
// The functions behind the commands, one file a noun.
#pragma once

#include "cli/command.h"

namespace koi {

absl::StatusOr<ExitCode> ShowStatus(const Invocation& invocation);
absl::StatusOr<ExitCode> ShowHealth(const Invocation& invocation);
absl::StatusOr<ExitCode> CheckConfiguration(const Invocation& invocation);
absl::StatusOr<ExitCode> ShowDiff(const Invocation& invocation);
absl::StatusOr<ExitCode> ReloadConfiguration(const Invocation& invocation);
absl::StatusOr<ExitCode> ListBackends(const Invocation& invocation);
absl::StatusOr<ExitCode> AddBackend(const Invocation& invocation);
absl::StatusOr<ExitCode> DrainBackend(const Invocation& invocation);
absl::StatusOr<ExitCode> UndrainBackend(const Invocation& invocation);
absl::StatusOr<ExitCode> WeightBackend(const Invocation& invocation);
absl::StatusOr<ExitCode> RemoveBackend(const Invocation& invocation);
absl::StatusOr<ExitCode> ListServices(const Invocation& invocation);
absl::StatusOr<ExitCode> ListWorkers(const Invocation& invocation);
absl::StatusOr<ExitCode> ReplaceWorkers(const Invocation& invocation);
absl::StatusOr<ExitCode> ListCertificates(const Invocation& invocation);
absl::StatusOr<ExitCode> ReloadCertificates(const Invocation& invocation);
absl::StatusOr<ExitCode> AddDenied(const Invocation& invocation);
absl::StatusOr<ExitCode> RemoveDenied(const Invocation& invocation);
absl::StatusOr<ExitCode> ListDenied(const Invocation& invocation);
absl::StatusOr<ExitCode> ImportDenied(const Invocation& invocation);
absl::StatusOr<ExitCode> ListVips(const Invocation& invocation);
absl::StatusOr<ExitCode> ShowStats(const Invocation& invocation);
absl::StatusOr<ExitCode> CleanUp(const Invocation& invocation);
absl::StatusOr<ExitCode> ExplainPacket(const Invocation& invocation);
absl::StatusOr<ExitCode> Examine(const Invocation& invocation);
absl::StatusOr<ExitCode> ShowVersion(const Invocation& invocation);

}  // namespace koi
