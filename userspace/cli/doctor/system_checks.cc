// SPDX-License-Identifier: Apache-2.0
// The configuration, the running koi, rights, and the kernel.
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/doctor/checks.h"

namespace koi {
namespace {

std::string AddCapabilities(const std::vector<std::string>& names) {
  return absl::StrCat("run koi as root; a container gets what is missing by",
                      absl::StrJoin(names, "", [](std::string* out, const std::string& name) {
                        absl::StrAppend(out, " --cap-add=", absl::StripPrefix(name, "CAP_"));
                      }));
}

}  // namespace

Findings CheckConfigured(const HostFacts& facts) {
  constexpr char kArea[] = "configuration";
  if (facts.config.has_value()) return {{Severity::kOk, kArea, "valid"}};
  if (facts.config_errors.empty()) return {};  // the options named the interface
  return {{Severity::kProblem, kArea,
           absl::StrCat(facts.config_errors.front(),
                        facts.config_errors.size() > 1
                            ? absl::StrCat(" (", facts.config_errors.size(), " errors)")
                            : ""),
           "koi check    # or name the interface: koi doctor --interface NAME"}};
}

Findings CheckKoid(const HostFacts& facts) {
  constexpr char kArea[] = "koid";
  if (absl::IsUnavailable(facts.koid)) {
    return {{Severity::kOk, kArea, "does not run: everything below is what it would find"}};
  }
  if (!facts.koid.ok()) {
    return {{Severity::kWarning, kArea, std::string(facts.koid.message()),
             "koi status    # as root, or as a member of the socket's group"}};
  }
  Findings findings = {{Severity::kOk, kArea,
                        absl::StrCat("runs on ", facts.stats.interface, ", ", facts.stats.role)}};
  if (facts.stats.role == "master" && !facts.stats.xdp.attached) {
    findings.push_back({Severity::kProblem, kArea,
                        absl::StrCat("is master, but XDP is not attached: ", facts.stats.xdp.why),
                        "koi status"});
  }
  for (const std::string& warning : facts.stats.warnings) {
    findings.push_back({Severity::kWarning, kArea, warning, "koi status"});
  }
  return findings;
}

Findings CheckCapabilities(const HostFacts& facts) {
  constexpr char kArea[] = "capabilities";
  if (!facts.missing_capabilities.empty()) {
    return {{Severity::kProblem, kArea,
             absl::StrCat("this process lacks ", absl::StrJoin(facts.missing_capabilities, ", ")),
             AddCapabilities(facts.missing_capabilities)}};
  }
  if (!facts.missing_optional.empty()) {
    return {{Severity::kOk, kArea,
             absl::StrCat("all that koi needs; without ",
                          absl::StrJoin(facts.missing_optional, ", "), ", which are optional")}};
  }
  return {{Severity::kOk, kArea, "all that koi needs"}};
}

Findings CheckBpffs(const HostFacts& facts) {
  constexpr char kArea[] = "bpffs";
  if (facts.on_bpffs) return {{Severity::kOk, kArea, absl::StrCat(facts.bpffs, " is on one")}};
  if (facts.may_mount) {
    return {{Severity::kOk, kArea,
             absl::StrCat("there is none for ", facts.bpffs, ", koi mounts it at its start")}};
  }
  return {{Severity::kProblem, kArea,
           absl::StrCat("there is none for ", facts.bpffs,
                        ", and without CAP_SYS_ADMIN koi cannot mount it"),
           "mount -t bpf bpf /sys/fs/bpf    # for a container on the host, and "
           "--volume=/sys/fs/bpf:/sys/fs/bpf"}};
}

Findings CheckRealTime(const HostFacts& facts) {
  constexpr char kArea[] = "real time";
  if (facts.real_time.ok()) return {{Severity::kOk, kArea, "SCHED_FIFO is permitted"}};
  return {{Severity::kWarning, kArea,
           absl::StrCat("SCHED_FIFO is refused (", facts.real_time.message(),
                        "): where CPUs are overloaded, koi-carp may be late and lose the VIPs"),
           AddCapabilities({"CAP_SYS_NICE"})}};
}

Findings CheckKernel(const HostFacts& facts) {
  constexpr char kArea[] = "kernel";
  Findings findings;
  size_t refused = 0;
  for (const KernelFeature& feature : facts.kernel) {
    if (feature.status.ok()) continue;
    if (absl::IsPermissionDenied(feature.status)) {
      ++refused;
      continue;
    }
    findings.push_back({Severity::kProblem, kArea,
                        absl::StrCat("Linux ", facts.kernel_release, " lacks ", feature.name, " (",
                                     feature.used, "): ", feature.status.message()),
                        absl::StrCat("install Linux ", feature.since, " or later, built with it")});
  }
  if (refused > 0) {
    const bool all = refused == facts.kernel.size();
    findings.push_back(
        {Severity::kProblem, kArea,
         absl::StrCat("this process may not use ", all ? "" : "all of ", "BPF: ", refused, " of ",
                      facts.kernel.size(), " attempts were refused"),
         AddCapabilities({"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"})});
  }
  if (findings.empty()) {
    findings.push_back({Severity::kOk, kArea,
                        absl::StrCat("Linux ", facts.kernel_release, " takes all ",
                                     facts.kernel.size(), " kinds of programs and maps")});
  }
  return findings;
}

Findings CheckAll(const HostFacts& facts) {
  using Check = Findings (*)(const HostFacts&);
  constexpr Check kOfTheHost[] = {CheckConfigured, CheckKoid,     CheckCapabilities, CheckKernel,
                                  CheckBpffs,      CheckRealTime, CheckVips,         CheckLink};
  // Of an interface that is there.
  constexpr Check kOfTheInterface[] = {
      CheckXdpMode,   CheckQueues,      CheckMtu, CheckReceiveOffload,
      CheckChecksums, CheckReversePath, CheckArp, CheckTimeouts};
  Findings all;
  const auto run = [&](Check check) {
    for (Finding& finding : check(facts)) all.push_back(std::move(finding));
  };
  for (const Check check : kOfTheHost) run(check);
  if (!facts.interface_status.ok()) return all;
  for (const Check check : kOfTheInterface) run(check);
  return all;
}

}  // namespace koi
