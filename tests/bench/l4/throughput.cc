// SPDX-License-Identifier: Apache-2.0
// The veth pair and its programs.
#include "bench/l4/throughput.h"

#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "support/lab/lab.h"
#include "support/lab/program.h"

namespace koi::bench {
namespace {

constexpr char kNear[] = "bench_near";  // where frames are sent from and come back to
constexpr char kFar[] = "bench_far";    // where the program is
constexpr uint32_t kFlowsSent = 65'536;
constexpr double kSeconds = 0.5;

void MustDo(const lab::Argv& argv) {
  const lab::ProgramResult result = lab::RunProgram(argv);
  if (!result.ok()) lab::Die(result.Describe());
}

int Attach(const char* name, int program_fd) {
  const auto ifindex = static_cast<int>(if_nametoindex(name));
  const int error = bpf_xdp_attach(ifindex, program_fd, XDP_FLAGS_DRV_MODE, nullptr);
  if (error != 0) lab::Die(absl::StrCat("cannot attach to ", name, ": ", std::strerror(-error)));
  return ifindex;
}

}  // namespace

Throughput MeasureThroughput(L4Stage& stage, L4Driver& driver, int rounds) {
  MustDo({"ip", "link", "add", kNear, "type", "veth", "peer", "name", kFar});
  MustDo({"ip", "link", "set", kNear, "up"});
  MustDo({"ip", "link", "set", kFar, "up"});
  const int near = Attach(kNear, driver.sink_program_fd());
  const auto far = if_nametoindex(kFar);
  l4_traffic traffic =
      TrafficOf(Packet::Ethernet().Ip4("198.18.0.0", kL4Vip4).Tcp(1, kL4Port).WithFlags("A"), false,
                kFlowsSent);
  traffic.ifindex = static_cast<uint32_t>(near);

  Throughput throughput;
  const auto sample = [&](const std::string& name, int program_fd) {
    Attach(kFar, program_fd);
    driver.Send(traffic, kSeconds / 5);  // warm
    double& best = throughput.packets_per_second[name];
    best = std::max(best, driver.Send(traffic, kSeconds));
  };
  stage.MoveSlots(0);
  for (int round = 0; round < rounds; ++round) {
    sample("empty", driver.empty_program_fd());
    stage.ForwardBy(KOI_FORWARD_DSR, far);
    sample("dsr", stage.xdp_program_fd());
    stage.ForwardBy(KOI_FORWARD_IPIP, far);
    sample("ipip", stage.xdp_program_fd());
  }
  throughput.text =
      "packets a second, most of all rounds: frames in at one end of a veth pair, through the "
      "program at the other,\nback, counted; the sender works on the same CPUs. empty: a program "
      "that answers XDP_TX.\n";
  for (const auto& [name, rate] : throughput.packets_per_second) {
    absl::StrAppendFormat(&throughput.text, "%-10s %10.0f  %.2f\n", name, rate,
                          rate / throughput.packets_per_second["empty"]);
  }
  return throughput;
}

}  // namespace koi::bench
