// SPDX-License-Identifier: Apache-2.0
// What each of koi's processes may do: one table, applied by the keeper between fork(2) and
// execve(2).
#pragma once

#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "protocol/keeper_messages.h"

namespace koi {

struct Privileges {
  ChildRole role;
  const char* program;  // file name, beside koid
  const char* user;     // as named in the system's user database; nullptr: stays root
  uid_t uid;            // where the database has no such user
  absl::Span<const int> capabilities;  // CAP_*: all others are gone, from the bounding set too
  absl::Span<const int> optional_capabilities;  // kept where the keeper has them
};

const Privileges& PrivilegesOf(ChildRole role);

// Whether this process, the keeper, has what it and its children need: PermissionDenied with the
// names of the capabilities that are missing.
absl::Status CheckPrivileges();

// Gives the calling process (a child just forked, single-threaded) the user and capabilities of
// `role`. Ends with PR_SET_PDEATHSIG: a change of user would clear it. After this nothing can be
// regained.
absl::Status TakePrivileges(ChildRole role);

}  // namespace koi
