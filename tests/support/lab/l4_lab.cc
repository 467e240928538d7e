// SPDX-License-Identifier: Apache-2.0
// Koi hosts, and backends prepared as docs/backends.md says.
#include "support/lab/l4_lab.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

constexpr size_t kBackends = 3;
constexpr Duration kL4StartLimit = 30s;
const uint16_t kPorts[] = {kDsrPort, kTunnel4Port, kTunnel6Port};

// A frame that XDP sends out of one end of a veth arrives only where the other end has a program
// of XDP too: a real network card needs nothing like it.
void LetXdpThrough(const Lab& lab, const std::string& host) {
  const std::string path = absl::StrCat("/run/netns/", lab.NamespaceName("switch"));
  std::thread([&] {
    const Fd space(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!space.valid() || ::setns(space.get(), CLONE_NEWNET) != 0) Die("cannot enter the switch");
    constexpr bpf_insn kPass[] = {
        {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_XDP,
                .prog_flags = BPF_F_XDP_HAS_FRAGS);
    const Fd program(bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", kPass, 2, &options));
    const int index = static_cast<int>(::if_nametoindex(host.c_str()));
    if (!program.valid() ||
        bpf_xdp_attach(index, program.get(), XDP_FLAGS_DRV_MODE, nullptr) != 0) {
      Die(absl::StrCat("no XDP on the port of ", host));
    }
  }).join();
}

constexpr char kL4Configuration[] = R"(
[[vip]]
address = "10.9.0.110"

[[vip]]
address = "fd00:9::110"
)";

struct PoolPlan {
  const char* name;
  uint16_t port;
  const char* forward;
  bool vip4;  // for which it is
  bool vip6;
};

constexpr PoolPlan kPools[] = {{"dsr4", kDsrPort, "dsr", true, false},
                               {"dsr6", kDsrPort, "dsr", false, true},
                               {"tunnel4", kTunnel4Port, "ipip", true, true},
                               {"tunnel6", kTunnel6Port, "ipip", true, true}};

std::string PoolText(const PoolPlan& plan) {
  std::vector<std::string> listen;
  if (plan.vip4) listen.push_back(absl::StrCat("\"", kL4Vip4, ":", plan.port, "\""));
  if (plan.vip6) listen.push_back(absl::StrCat("\"[", kL4Vip6, "]:", plan.port, "\""));
  return absl::StrReplaceAll(
      R"(
[[service]]
name = "NAME"
mode = "l4"
protocols = ["tcp", "udp"]
listen = [LISTEN]
pool = "NAME"

[[pool]]
name = "NAME"
forward = "FORWARD"
ring_size = 1021
check = { tcp = true, interval = "500ms", rise = 1, fall = 2 }
backend = [
)",
      {{"NAME", plan.name}, {"LISTEN", absl::StrJoin(listen, ", ")}, {"FORWARD", plan.forward}});
}

}  // namespace

L4Backend::L4Backend(Lab& lab, const std::string& name) : lab_(lab), host_(lab.Add(name)) {
  lab.MustRun(host_.Enter({"ip", "address", "add", absl::StrCat(kL4Vip4, "/32"), "dev", "lo"}));
  lab.MustRun(host_.Enter({"ip", "address", "add", absl::StrCat(kL4Vip6, "/128"), "dev", "lo",
                           "nodad", "preferred_lft", "0"}));
  lab.MustRun(host_.Enter(
      {"sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"}));
  for (const uint16_t port : kPorts) {
    servers_.push_back(
        std::make_unique<EchoServer>(host_, port, std::vector<std::string>{kL4Vip4, kL4Vip6}));
  }
  const std::string bpffs = absl::StrCat(host_.directory(), "/bpf");
  const absl::Status made = MakeDirectories(bpffs);
  if (!made.ok()) Die(std::string(made.message()));
  lab.MustRun({"mount", "-t", "bpf", "bpf", bpffs});
  decap_ = host_.Start({KoiProgram("koi-decap"), "--bpffs", bpffs, "attach", "eth0", "--from",
                        "10.9.0.0/24", "fd00:9::/64"},
                       "decap.log");
}

int L4Backend::connections() const {
  int all = 0;
  for (const auto& server : servers_) all += server->connections();
  return all;
}

void L4Backend::Kill() { lab_.Unplug(host_); }

L4Lab::L4Lab()
    : client(lab.Add("client")),
      blue(lab, "blue", {.certificate = MakeCertificate(lab, {kVip4, kVip6})}),
      red(lab, "red", {.certificate = MakeCertificate(lab, {kVip4, kVip6}), .advskew = 10}) {
  for (size_t i = 0; i < kBackends; ++i) {
    backends.push_back(std::make_unique<L4Backend>(lab, absl::StrCat("pass-", i + 1)));
  }
  for (Balancer* balancer : {&blue, &red}) {
    balancer->SetConfig(balancer->Config() + Configuration(*this));
    LetXdpThrough(lab, balancer->name());
  }
}

std::string L4Lab::AddressOf(const std::string& pool, size_t number) const {
  const Host& host = backends[number]->host();
  return pool.back() == '6' ? absl::StrCat("[", host.ip6(), "]:", kDsrPort)
                            : absl::StrCat(host.ip4(), ":", kDsrPort);
}

std::string L4Lab::Configuration(const L4Lab& lab) {
  std::string text = kL4Configuration;
  for (const PoolPlan& pool : kPools) {
    absl::StrAppend(&text, PoolText(pool));
    for (size_t i = 0; i < lab.backends.size(); ++i) {
      absl::StrAppend(&text, "  { name = \"", lab.backends[i]->name(), "\", address = \"",
                      lab.AddressOf(pool.name, i), "\" },\n");
    }
    absl::StrAppend(&text, "]\n");
  }
  return text;
}

bool L4Lab::StartBlue() {
  blue.Start();
  return Eventually(kL4StartLimit, [this] {
    const absl::StatusOr<Stats> stats = blue.ReadStats();
    if (!stats.ok() || stats->role != "master") return false;
    size_t up = 0;
    for (const PoolStats& pool : stats->pools) {
      for (const BackendStats& backend : pool.backends) up += backend.health == "up" ? 1 : 0;
    }
    return up == std::size(kPools) * backends.size();
  });
}

bool L4Lab::StartBoth() {
  if (!StartBlue()) return false;
  red.Start();
  return Eventually(kL4StartLimit, [this] { return red.role() == "backup"; });
}

Endpoint L4Lab::Vip4(uint16_t port) { return {*Address::Parse(kL4Vip4), port}; }
Endpoint L4Lab::Vip6(uint16_t port) { return {*Address::Parse(kL4Vip6), port}; }

}  // namespace koi::lab
