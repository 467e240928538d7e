// SPDX-License-Identifier: Apache-2.0
// The table of privileges, and libcap-ng to apply it.
#include "keeper/privileges.h"

#include <cap-ng.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace koi {
namespace {

// Changing the user and the capabilities of children, and ending them then.
constexpr int kKeeperCapabilities[] = {CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL};
// Loading programs and maps; addresses of the interface are read, health checks connect.
constexpr int kManagerCapabilities[] = {CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN};
// Mounting bpffs where the system has not.
constexpr int kManagerOptional[] = {CAP_SYS_ADMIN};
// The VIP addresses; adverts and announcements as raw frames. Attaching XDP needs only the
// program's descriptor.
constexpr int kCarpCapabilities[] = {CAP_NET_ADMIN, CAP_NET_RAW};

// The two fallback users lie in the range that Debian leaves to the local administrator's dynamic
// users.
constexpr uid_t kCarpUid = 64251;
constexpr uid_t kWorkerUid = 64250;

constexpr Privileges kTable[] = {
    {ChildRole::kManager, "koi-manager", nullptr, 0, kManagerCapabilities, kManagerOptional},
    {ChildRole::kCarp, "koi-carp", "koi-carp", kCarpUid, kCarpCapabilities, {}},
    {ChildRole::kWorker, "koi-worker", "koi-worker", kWorkerUid, {}, {}},
};

void Select(absl::Span<const int> capabilities, bool only_if_held) {
  for (const int capability : capabilities) {
    const auto number = static_cast<unsigned>(capability);
    if (only_if_held && ::prctl(PR_CAPBSET_READ, capability) != 1) continue;
    (void)::capng_update(
        CAPNG_ADD,
        static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE |
                                  CAPNG_BOUNDING_SET | CAPNG_AMBIENT),
        number);
  }
}

}  // namespace

const Privileges& PrivilegesOf(ChildRole role) {
  for (const Privileges& row : kTable) {
    if (row.role == role) return row;
  }
  KOI_UNREACHABLE();
}

absl::Status CheckPrivileges() {
  std::vector<std::string> missing;
  if (::capng_get_caps_process() != 0) {
    return absl::UnknownError("cannot tell which capabilities this process has");
  }
  const auto need = [&missing](absl::Span<const int> capabilities) {
    for (const int capability : capabilities) {
      const auto number = static_cast<unsigned>(capability);
      const bool there = ::capng_have_capability(CAPNG_EFFECTIVE, number) == 1 &&
                         ::capng_have_capability(CAPNG_PERMITTED, number) == 1 &&
                         ::prctl(PR_CAPBSET_READ, capability) == 1;
      const char* name = ::capng_capability_to_name(number);
      std::string text = absl::StrCat("CAP_", absl::AsciiStrToUpper(name == nullptr ? "" : name));
      const bool said = std::find(missing.begin(), missing.end(), text) != missing.end();
      if (!there && !said) missing.push_back(std::move(text));
    }
  };
  need(kKeeperCapabilities);
  for (const Privileges& row : kTable) need(row.capabilities);
  if (missing.empty()) return absl::OkStatus();
  const std::string flags =
      absl::StrJoin(missing, "", [](std::string* out, const std::string& name) {
        absl::StrAppend(out, " --cap-add=", absl::StripPrefix(name, "CAP_"));
      });
  return absl::PermissionDeniedError(
      absl::StrCat("this process lacks ", absl::StrJoin(missing, ", "),
                   ", which koi needs; a container gets that by", flags));
}

absl::Status TakePrivileges(ChildRole role) {
  const Privileges& row = PrivilegesOf(role);
  capng_clear(CAPNG_SELECT_ALL);
  Select(row.capabilities, /*only_if_held=*/false);
  Select(row.optional_capabilities, /*only_if_held=*/true);
  if (row.user != nullptr) {
    const passwd* user = ::getpwnam(row.user);
    const int uid = static_cast<int>(user != nullptr ? user->pw_uid : row.uid);
    const int gid = static_cast<int>(user != nullptr ? user->pw_gid : row.uid);
    const int changed = ::capng_change_id(
        uid, gid, static_cast<capng_flags_t>(CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING));
    if (changed != 0)
      return absl::PermissionDeniedError(absl::StrCat("cannot become uid ", uid, ": ", changed));
    // capng_change_id cleared what the bounding set no longer needs to hold; the ambient set
    // carries the rest over exec.
    if (!row.capabilities.empty() && ::capng_apply(CAPNG_SELECT_AMBIENT) != 0) {
      return absl::PermissionDeniedError(
          absl::StrCat("cannot keep the capabilities of ", row.program));
    }
  } else if (::capng_apply(CAPNG_SELECT_BOTH) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot limit the capabilities of ", row.program));
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot bind ", row.program, " to the keeper's life"));
  }
  return absl::OkStatus();
}

}  // namespace koi
