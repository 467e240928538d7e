// SPDX-License-Identifier: Apache-2.0
// koi version.
#include "base/version.h"

#include "cli/json.h"
#include "cli/nouns.h"

namespace koi {

absl::StatusOr<ExitCode> ShowVersion(const Invocation& invocation) {
  if (invocation.json) {
    invocation.out << VersionJson(kVersion);
  } else {
    invocation.out << "koi " << kVersion << '\n';
  }
  return kExitOk;
}

}  // namespace koi
