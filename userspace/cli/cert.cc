// SPDX-License-Identifier: Apache-2.0
// koi cert: list, reload.
#include <poll.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "base/time.h"
#include "cli/manager_client.h"
#include "cli/nouns.h"
#include "cli/table.h"

namespace koi {
namespace {

constexpr Duration kWorkersLimit = std::chrono::seconds(10);
constexpr int kPauseMs = 20;
constexpr int64_t kSecondsPerDay = 24 * 3600;

// Until every worker shows the certificates that the manager has.
absl::Status WaitForWorkers(const ManagerClient& manager) {
  const TimePoint begun = Now();
  for (;;) {
    KOI_ASSIGN_OR_RETURN(const Stats stats, manager.CollectStats());
    const auto behind = std::find_if(stats.cpus.begin(), stats.cpus.end(),
                                     [](const CpuStats& cpu) { return !cpu.services_current; });
    if (behind == stats.cpus.end()) return absl::OkStatus();
    if (!behind->services_refusal.empty()) {
      return absl::InternalError(
          absl::StrCat("the worker of CPU ", behind->cpu,
                       " keeps the certificates it had: ", behind->services_refusal));
    }
    if (Now() - begun > kWorkersLimit) {
      return absl::DeadlineExceededError(absl::StrCat("the worker of CPU ", behind->cpu,
                                                      " has not taken its certificates in ",
                                                      FormatDuration(kWorkersLimit)));
    }
    ::poll(nullptr, 0, kPauseMs);
  }
}

}  // namespace

absl::StatusOr<ExitCode> ListCertificates(const Invocation& invocation) {
  KOI_ASSIGN_OR_RETURN(CertificateList list, ManagerClient(invocation.socket).ListCertificates());
  if (invocation.json) {
    invocation.out << EncodeJson(list) << '\n';
    return kExitOk;
  }
  std::stable_sort(list.certificates.begin(), list.certificates.end(),
                   [](const CertificateStats& one, const CertificateStats& other) {
                     return one.until_s < other.until_s;
                   });
  const int64_t now_s = absl::ToUnixSeconds(absl::Now());
  Table table({"SERVICE", "FOR", "UNTIL", "DAYS", "LOADED", "CHAIN", "KEY", "SHA-256", "WAITS"});
  for (const CertificateStats& one : list.certificates) {
    const std::string whose = one.pool.empty() ? one.service : absl::StrCat("pool ", one.pool);
    table.Add({whose, one.names.empty() ? one.subject : absl::StrJoin(one.names, ","), one.until,
               static_cast<int>((one.until_s - now_s) / kSecondsPerDay), one.loaded, one.chain_file,
               one.key_file, one.fingerprint, one.waits});
  }
  table.Print(invocation.out);
  return kExitOk;
}

absl::StatusOr<ExitCode> ReloadCertificates(const Invocation& invocation) {
  const ManagerClient manager(invocation.socket);
  KOI_ASSIGN_OR_RETURN(const CertificateList list, manager.ReloadCertificates());
  for (const std::string& error : list.errors) invocation.talk << "koi: " << error << '\n';
  if (!list.errors.empty()) {
    invocation.talk << "Nothing was changed.\n";
    return kExitConfigInvalid;
  }
  if (list.changed > 0) KOI_RETURN_IF_ERROR(WaitForWorkers(manager));
  if (invocation.json) {
    invocation.out << EncodeJson(list) << '\n';
  } else {
    invocation.out << list.certificates.size() << " certificates read, " << list.changed
                   << " changed\n";
  }
  return kExitOk;
}

}  // namespace koi
