// SPDX-License-Identifier: Apache-2.0
// koi, all of it: keeper, manager, CARP and the one worker of its one CPU, with XDP in front.
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "bench/proxy.h"
#include "support/lab/balancer.h"

namespace koi::bench {
namespace {

constexpr char kConfiguration[] = R"(version = 1

[node]
name = "@NAME@"
interface = "eth0"
run = "@DIRECTORY@/run"
state = "@DIRECTORY@/state"
bpffs = "@DIRECTORY@/bpf/koi"

@STEER@[[carp]]
vhid = @VHID@
password_file = "@DIRECTORY@/carp.key"
dead_ratio = 1

[[vip]]
address = "@VIP@"

[[service]]
name = "ecdsa"
listen = ["@VIP@:443"]
tls = "terminate"
certificates = [{ chain = "@ECDSA@.pem", key = "@ECDSA@.key" }]
pool = "origin"

[[service]]
name = "rsa"
listen = ["@VIP@:444"]
tls = "terminate"
certificates = [{ chain = "@RSA@.pem", key = "@RSA@.key" }]
pool = "origin"

[[service]]
name = "plain"
listen = ["@VIP@:80"]
pool = "origin"

[[service]]
name = "tunnel"
mode = "tcp"
listen = ["@VIP@:8443"]
tls = "terminate"
certificates = [{ chain = "@ECDSA@.pem", key = "@ECDSA@.key" }]
pool = "origin"

[[pool]]
name = "origin"
check = { tcp = true, interval = "2s" }
backend = [{ name = "origin", address = "@ORIGIN@" }]
)";

// A path without the four characters after its last dot.
std::string Stem(const std::string& path) { return path.substr(0, path.size() - 4); }

class KoiProxy : public Proxy {
 public:
  KoiProxy(lab::Lab& lab, const ProxySettings& settings, const KoiSettings& koi)
      : settings_(settings), vip_(koi.vip), balancer_(lab, koi.name, {}) {
    balancer_.SetConfig(absl::StrReplaceAll(
        kConfiguration,
        {{"@DIRECTORY@", host().directory()},
         {"@NAME@", koi.name},
         {"@VHID@", absl::StrCat(koi.vhid)},
         {"@STEER@", koi.steer.empty() ? "" : absl::StrCat("[xdp]\nsteer = \"", koi.steer, "\"\n")},
         {"@VIP@", vip_},
         {"@ECDSA@", Stem(settings.ecdsa.chain)},
         {"@RSA@", Stem(settings.rsa.chain)},
         {"@ORIGIN@", settings.origin}}));
    PrepareTcp(lab, host());
    PrepareWires(lab, host(), settings.arms, settings.peers_cpu);
  }

  const lab::Host& host() const override { return balancer_.host(); }
  std::string address() const override { return vip_; }
  bool Offers(Offer /*offer*/) const override { return true; }
  // CPUs, and so workers, are those that koid may run on. env(1) starts taskset there.
  void Start() override { balancer_.Start(OnCpu(settings_.cpu, {})); }
  void Stop() override {
    if (!balancer_.Stop().has_value()) balancer_.Kill();
  }
  std::string LogTail() const override { return balancer_.LogTail(); }

 private:
  const ProxySettings settings_;
  const std::string vip_;
  lab::Balancer balancer_;
};

}  // namespace

std::unique_ptr<Proxy> MakeKoi(lab::Lab& lab, const ProxySettings& settings,
                               const KoiSettings& koi) {
  return std::make_unique<KoiProxy>(lab, settings, koi);
}

}  // namespace koi::bench
