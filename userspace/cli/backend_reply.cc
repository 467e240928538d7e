// SPDX-License-Identifier: Apache-2.0
// Arguments and answers of changes to backends.
#include "cli/backend_reply.h"

#include "absl/strings/str_cat.h"

namespace koi {

std::string ReasonOf(const Invocation& invocation) {
  const auto reason = invocation.options.find("--reason");
  return reason == invocation.options.end() ? "" : reason->second;
}

BackendName BackendNamed(const Invocation& invocation) {
  return {.pool = invocation.arguments[0],
          .name = invocation.arguments[1],
          .reason = ReasonOf(invocation)};
}

ExitCode ReportChange(const Invocation& invocation, const BackendChange& change,
                      absl::string_view what) {
  if (invocation.json) {
    invocation.out << EncodeJson(change) << '\n';
  } else {
    invocation.out << change.backend.name << ": " << what << '\n';
  }
  invocation.talk << "This change was made on this host only.\n";
  return kExitOk;
}

std::string OpenConnections(const BackendStats& backend) {
  return absl::StrCat(backend.connections,
                      backend.connections == 1 ? " connection" : " connections", " open");
}

}  // namespace koi
