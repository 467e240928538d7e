// SPDX-License-Identifier: Apache-2.0
// The lab of a benchmark.
#include "bench/bench_lab.h"

#include <sched.h>

#include "absl/strings/str_cat.h"
#include "support/lab/balancer.h"
#include "support/lab/eventually.h"

namespace koi::bench {
namespace {

using std::chrono_literals::operator""s;

constexpr int kOriginPort = 8080;
// koi becomes master after a second of silence and checks its backend first.
constexpr Duration kStartLimit = 60s;

// The first two CPUs that this program may use; the same one twice where it is the only one.
std::pair<int, int> Cpus() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof(set), &set);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return {cpus.front(), cpus.size() > 1 ? cpus[1] : cpus.front()};
}

}  // namespace

BenchLab::BenchLab(const std::vector<std::string>& proxies, Arms arms)
    : client_(lab_.Add("client")), origin_host_(lab_.Add("origin")) {
  const auto [proxy_cpu, peers_cpu] = Cpus();
  std::string origin_address = origin_host_.ip4();
  if (arms == Arms::kTwo) {
    MakeBackendNetwork(lab_);
    origin_address = JoinBackendNetwork(lab_, origin_host_);
  }
  settings_ = {.ecdsa = lab::MakeCertificate(lab_, {lab::kVip4}, "ecdsa"),
               .rsa = lab::MakeCertificate(lab_, {lab::kVip4}, "rsa", lab::KeyKind::kRsa),
               .origin = absl::StrCat(origin_address, ":", kOriginPort),
               .arms = arms,
               .cpu = proxy_cpu,
               .peers_cpu = peers_cpu};
  for (const lab::Host* host : {&client_, &origin_host_}) {
    PrepareTcp(lab_, *host);
  }
  origin_ = origin_host_.Start(
      {lab::KoiProgram("koi-origin"), absl::StrCat(kOriginPort), absl::StrCat(peers_cpu)},
      "origin.log");
  for (const std::string& name : proxies) {
    proxies_.push_back(Make(name));
  }
  Start();
}

std::unique_ptr<Proxy> BenchLab::Make(const std::string& name) {
  if (name == "koi") return MakeKoi(lab_, settings_);
  // Several koi on one network: each has a VIP and a group of its own.
  const int number = static_cast<int>(proxies_.size()) + 1;
  for (const char* way : {"always", "elsewhere", "never", "no_xdp"}) {
    if (name != way) continue;
    return MakeKoi(lab_, settings_,
                   {.name = name,
                    .steer = name == "no_xdp" ? "never" : name,
                    .vip = absl::StrCat("10.9.0.", 100 + number),
                    .vhid = number});
  }
  return MakePackaged(lab_, name, settings_);
}

// All at once: koi needs the longest.
void BenchLab::Start() const {
  for (const auto& proxy : proxies_) proxy->Start();
  for (const auto& proxy : proxies_) AwaitService(*proxy);
}

LoadReport BenchLab::Measure(const Proxy& proxy, Offer offer, LoadPlan plan) const {
  plan.address = proxy.address();
  plan.port = static_cast<int>(offer);
  plan.cpu = settings_.peers_cpu;
  const std::vector<int> pids = proxy.Pids(lab_);
  plan.watch.insert(plan.watch.end(), pids.begin(), pids.end());
  const lab::ProgramResult result =
      client_.Run({lab::KoiProgram("koi-load"), nlohmann::json(plan).dump()},
                  std::chrono::seconds(plan.limit_s + 10));
  const auto json = nlohmann::json::parse(result.out, nullptr, false);
  if (!json.is_object()) return {.error = absl::StrCat("koi-load: ", result.Describe())};
  auto report = json.get<LoadReport>();
  if (report.error.empty() && report.requests == 0) report.error = "nothing was answered";
  return report;
}

void BenchLab::Restart() const {
  for (const auto& proxy : proxies_) proxy->Stop();
  Start();
}

void BenchLab::AwaitService(const Proxy& proxy) const {
  std::string error;
  const bool serves = lab::Eventually(kStartLimit, [&] {
    error.clear();
    for (const Offer offer : {Offer::kEcdsa, Offer::kRsa, Offer::kPlain, Offer::kTunnel}) {
      if (!proxy.Offers(offer) || !error.empty()) continue;
      error = Measure(proxy, offer, {.tls = offer != Offer::kPlain, .limit_s = 2}).error;
    }
    return error.empty();
  });
  if (!serves)
    lab::Die(absl::StrCat(proxy.name(), " does not serve: ", error, "\n", proxy.LogTail()));
}

}  // namespace koi::bench
