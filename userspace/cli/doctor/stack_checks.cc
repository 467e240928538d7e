// SPDX-License-Identifier: Apache-2.0
// What the kernel's network stack does with packets for VIPs.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/doctor/checks.h"

namespace koi {
namespace {

constexpr int kStrict = 1;         // rp_filter
constexpr int kArpOwnNetwork = 2;  // arp_ignore: only who asks from the address's own network
constexpr int kArpNever = 8;

// The kernel takes the greater one of both.
std::optional<int> Effective(std::optional<int> all, std::optional<int> own) {
  if (!all.has_value() || !own.has_value()) return all.has_value() ? all : own;
  return std::max(*all, *own);
}

std::string NameOf(const HostFacts& facts, const char* setting) {
  return absl::StrCat("net.ipv4.conf.", facts.interface, ".", setting);
}

}  // namespace

Findings CheckReversePath(const HostFacts& facts) {
  constexpr char kArea[] = "rp_filter";
  const std::optional<int> effective = Effective(facts.rp_filter_all, facts.rp_filter);
  if (!effective.has_value()) return {};
  const std::string both = absl::StrCat("all ", facts.rp_filter_all.value_or(0), ", ",
                                        facts.interface, " ", facts.rp_filter.value_or(0));
  if (*effective != kStrict) {
    return {{Severity::kOk, kArea, absl::StrCat("not strict (", both, ")")}};
  }
  std::string repair = absl::StrCat("sysctl -w ", NameOf(facts, "rp_filter"), "=2");
  return {{Severity::kWarning, kArea,
           absl::StrCat("strict (", both,
                        "): the kernel drops clients whose way back is another "
                        "interface than ",
                        facts.interface),
           repair}};
}

Findings CheckArp(const HostFacts& facts) {
  constexpr char kArea[] = "ARP";
  Findings findings;
  const std::optional<int> ignore = Effective(facts.arp_ignore_all, facts.arp_ignore);
  if (ignore.value_or(0) == kArpNever) {
    findings.push_back(
        {Severity::kProblem, kArea,
         "arp_ignore is 8: this host answers for no address, so nobody finds the VIPs",
         absl::StrCat("sysctl -w net.ipv4.conf.all.arp_ignore=0 ", NameOf(facts, "arp_ignore"),
                      "=0")});
  } else if (ignore.value_or(0) >= kArpOwnNetwork) {
    findings.push_back(
        {Severity::kProblem, kArea,
         absl::StrCat("arp_ignore is ", *ignore,
                      ": a VIP is a network of one address, so this host does not answer "
                      "for it"),
         absl::StrCat("sysctl -w net.ipv4.conf.all.arp_ignore=1 ", NameOf(facts, "arp_ignore"),
                      "=1")});
  } else {
    findings.push_back({Severity::kOk, kArea, "this host answers for the VIPs it has"});
  }
  if (HasPool(facts, Forward::kDsr)) {
    findings.push_back(
        {Severity::kOk, kArea,
         "backends of dsr pools have the VIPs too, and must not answer for them; on each of them",
         "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2"});
  }
  return findings;
}

Findings CheckTimeouts(const HostFacts& facts) {
  constexpr char kArea[] = "time-outs";
  if (!facts.config.has_value()) return {};
  Findings findings;
  const auto idle_s = std::chrono::duration_cast<std::chrono::seconds>(facts.config->xdp.idle_tcp);
  const bool l4 = HasPool(facts, Forward::kDsr) || HasPool(facts, Forward::kIpip);
  if (l4 && facts.tcp_keepalive_s.value_or(0) > idle_s.count()) {
    findings.push_back({Severity::kWarning, kArea,
                        absl::StrCat("tcp_keepalive_time is ", *facts.tcp_keepalive_s,
                                     " s: a connection that is silent longer than ", idle_s.count(),
                                     " s may move to another backend when the pool changes"),
                        absl::StrCat("sysctl -w net.ipv4.tcp_keepalive_time=", idle_s.count() - 300,
                                     "    # where it is a backend's, there")});
  }
  Duration longest = {};
  for (const ServiceConfig& service : facts.config->services)
    longest = std::max(longest, service.timeouts.tunnel);
  const auto longest_s = std::chrono::duration_cast<std::chrono::seconds>(longest).count();
  if (facts.conntrack_established_s.has_value() && *facts.conntrack_established_s < longest_s) {
    findings.push_back(
        {Severity::kWarning, kArea,
         absl::StrCat("connection tracking forgets connections after ",
                      *facts.conntrack_established_s, " s of silence, services wait up to ",
                      longest_s, " s"),
         absl::StrCat("sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established=", longest_s)});
  }
  if (findings.empty()) {
    findings.push_back({Severity::kOk, kArea, "nothing forgets a connection before koi does"});
  }
  return findings;
}

Findings CheckVips(const HostFacts& facts) {
  constexpr char kArea[] = "VIPs";
  if (!facts.config.has_value()) return {};
  if (facts.vips_free.ok()) {
    return {{Severity::kOk, kArea, "no VIP is an address of this host that koi has not set"}};
  }
  // The message names what to type.
  return {{Severity::kProblem, kArea, std::string(facts.vips_free.message())}};
}

}  // namespace koi
