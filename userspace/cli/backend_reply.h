// SPDX-License-Identifier: Apache-2.0
// What the commands that change a backend have in common.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "cli/command.h"
#include "protocol/control_messages.h"

namespace koi {

// "" where none was given.
std::string ReasonOf(const Invocation& invocation);
// POOL NAME, and the reason.
BackendName BackendNamed(const Invocation& invocation);
// Says what was done. Each change is of this host alone: the peer host is not told.
ExitCode ReportChange(const Invocation& invocation, const BackendChange& change,
                      absl::string_view what);
// "3 connections open".
std::string OpenConnections(const BackendStats& backend);

}  // namespace koi
