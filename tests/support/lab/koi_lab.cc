// SPDX-License-Identifier: Apache-2.0
// Two koi hosts in front of web servers.
#include "support/lab/koi_lab.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

constexpr int kRedAdvskew = 10;
// Loading, three adverts of silence, the first checks: five times what that takes.
constexpr Duration kStartLimit = 30s;

BalancerOptions Options(const KoiLab& lab, const std::string& xdp_mode, int advskew) {
  return {.certificate = lab.certificate,
          .backends = {{lab.web_1.name(), lab.web_1.endpoint4()},
                       {lab.web_2.name(), lab.web_2.endpoint6()}},
          .advskew = advskew,
          .xdp_mode = xdp_mode};
}

bool AllBackendsUp(const Stats& stats) {
  for (const PoolStats& pool : stats.pools) {
    for (const BackendStats& backend : pool.backends) {
      if (backend.health != "up") return false;
    }
  }
  return !stats.pools.empty();
}

bool Serves(const Balancer& balancer, const std::string& role) {
  const absl::StatusOr<Stats> stats = balancer.ReadStats();
  return stats.ok() && stats->role == role && AllBackendsUp(*stats) &&
         std::all_of(stats->cpus.begin(), stats->cpus.end(),
                     [](const CpuStats& cpu) { return cpu.state == "serving"; });
}

}  // namespace

KoiLab::KoiLab(const KoiLabOptions& options)
    : lab(options.at_end),
      client(lab.Add("client")),
      certificate(MakeCertificate(lab, {kVip4, kVip6})),
      web_1(lab, "web-1"),
      web_2(lab, "web-2"),
      web_3(lab, "web-3"),
      blue(lab, "blue", Options(*this, options.xdp_mode, 0)),
      red(lab, "red", Options(*this, options.xdp_mode, kRedAdvskew)) {}

bool KoiLab::StartBlue() {
  blue.Start();
  return Eventually(kStartLimit, [this] {
    return Serves(blue, "master") && Get(Url4("https", "/")).ok() && Get(Url6("https", "/")).ok();
  });
}

bool KoiLab::StartBoth() {
  if (!StartBlue()) return false;
  red.Start();
  return Eventually(kStartLimit, [this] { return Serves(red, "backup"); });
}

HttpAnswer KoiLab::Get(const std::string& url) const {
  return client.In(
      [&] { return HttpClient({.ca_file = certificate.chain, .timeout = 2s}).Get(url); });
}

std::string KoiLab::Url4(const std::string& scheme, const std::string& path) {
  return absl::StrCat(scheme, "://", kVip4, path);
}

std::string KoiLab::Url6(const std::string& scheme, const std::string& path) {
  return absl::StrCat(scheme, "://[", kVip6, "]", path);
}

}  // namespace koi::lab
