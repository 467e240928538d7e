// SPDX-License-Identifier: Apache-2.0
// Summing koi_verdicts.
#include "dataplane/verdict_map.h"

#include <koi/abi/verdict.h>
#include <linux/bpf.h>

#include <numeric>

#include "base/check.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

struct Verdict {
  const char* name;
  xdp_action action;
  const char* help;
};

#define KOI_AS_ROW(name, action, help) {#name, action, help},
constexpr Verdict kVerdicts[] = {KOI_VERDICTS(KOI_AS_ROW)};
#undef KOI_AS_ROW

const char* NameOf(xdp_action action) {
  switch (action) {
    case XDP_ABORTED: return "abort";
    case XDP_DROP: return "drop";
    case XDP_PASS: return "pass";
    case XDP_TX: return "transmit";
    case XDP_REDIRECT: return "redirect";
  }
  KOI_UNREACHABLE();
}

}  // namespace

VerdictFigures VerdictOf(uint32_t number) {
  KOI_CHECK(number < KOI_VERDICT_COUNT);
  const Verdict& verdict = kVerdicts[number];
  return {.name = verdict.name, .action = NameOf(verdict.action), .help = verdict.help};
}

absl::StatusOr<std::vector<VerdictFigures>> VerdictMap::Read() const {
  std::vector<VerdictFigures> all;
  for (uint32_t number = 0; number < KOI_VERDICT_COUNT; ++number) {
    KOI_ASSIGN_OR_RETURN(
        const auto of_cpus,
        map_calls::GetPerCpu<uint64_t>(map_fd_.get(), number, "cannot read koi_verdicts"));
    all.push_back(VerdictOf(number));
    all.back().packets = std::accumulate(of_cpus.begin(), of_cpus.end(), uint64_t{0});
  }
  return all;
}

}  // namespace koi
