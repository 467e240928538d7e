// SPDX-License-Identifier: Apache-2.0
// The steps of the demo.
#include "lab/demo_steps.h"

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr int kConnections = 1000;
// The kernel removes a lease 2 s after its last renewal.
constexpr Duration kLeaseOver = 2500ms;
constexpr int kRowsShown = 3;

// One command line for people: the path of a program of this build cut to its name.
std::string Typed(const Argv& argv) {
  std::string text = ShellText(argv);
  const std::string folder = KOI_BINARY_DIR "/bin/";
  for (size_t at = text.find(folder); at != std::string::npos; at = text.find(folder)) {
    text.erase(at, folder.size());
  }
  return text;
}

uint64_t ServedBy(const Load& load, const std::string& name) {
  const LoadReport report = load.SoFar();
  const auto served = report.served_by.find(name);
  return served == report.served_by.end() ? 0 : served->second;
}

}  // namespace

std::string DemoFigures::ToJson() const {
  return absl::StrCat("{\"https_ok\": ", https_ok ? "true" : "false",
                      ", \"connections\": ", connections, ", \"cpu_mismatches\": ", cpu_mismatches,
                      ", \"failed_during_drain\": ", failed_during_drain,
                      ", \"failover_outage_ms\": ", failover_outage_ms,
                      ", \"vips_left_behind\": ", vips_left_behind, "}");
}

Demo::Demo(AtEnd at_end) : at_end_(at_end), lab_({.at_end = at_end}) {
  narrator_.Step(
      "A small network stands on this machine: a client, two koi hosts (blue and red) and three "
      "web servers,\n   each a network namespace, joined by a bridge.");
  narrator_.Command(
      absl::StrCat("cat ", lab_.lab.directory(), "/log    # the commands that made it"));
  narrator_.Say(
      "client ──┬── blue ──┬── web-1, web-2 (nginx)\n"
      "         └── red  ──┴── web-3, not used yet");
}

bool Demo::Run() {
  if (StartHosts()) {
    FetchOverHttps();
    ShowWhoServed();
    ConnectAThousandTimes();
    AddAndDrainUnderLoad();
    ShowMaps();
    KillMaster();
    BringItBack();
  }
  if (at_end_ == AtEnd::kKeep) SayHowToEnter();
  return !narrator_.failed();
}

bool Demo::StartHosts() {
  narrator_.Step(
      "koi starts on blue. It hears no other master for three seconds, so it takes the two virtual "
      "IPs (VIPs).");
  narrator_.Command(
      absl::StrCat("koid --config ", lab_.blue.host().directory(), "/koi.toml    # on blue"));
  const TimePoint start = Now();
  if (!narrator_.Expect(
          lab_.StartBlue(), "blue is master and serves both VIPs",
          absl::StrCat("role \"", lab_.blue.role(), "\"; its log ends:\n", lab_.blue.LogTail()))) {
    return false;
  }
  narrator_.Say(absl::StrCat("Master after ", FormatDuration(Now() - start), "."));
  Show(lab_.blue.host(), {"ip", "-brief", "addr", "show", "eth0"});

  narrator_.Step("koi starts on red, hears blue, and stays its backup.");
  narrator_.Command(
      absl::StrCat("koid --config ", lab_.red.host().directory(), "/koi.toml    # on red"));
  lab_.red.Start();
  const bool backup = Eventually(30s, [this] { return lab_.red.role() == "backup"; });
  Show(lab_.red.host(), {"ip", "-brief", "addr", "show", "eth0"});
  return narrator_.Expect(
      backup, "red is backup",
      absl::StrCat("role \"", lab_.red.role(), "\"; its log ends:\n", lab_.red.LogTail()));
}

void Demo::FetchOverHttps() {
  narrator_.Step(
      "The client fetches https:// from the VIP, over IPv4 and IPv6; blue ends its TLS.");
  figures_.https_ok = true;
  for (const std::string& url : {KoiLab::Url4("https", "/"), KoiLab::Url6("https", "/")}) {
    const ProgramResult answer = Show(
        lab_.client, {"curl", "-sS", "--max-time", "5", "--cacert", lab_.certificate.chain, url});
    const bool served = answer.ok() && answer.out.rfind("web-", 0) == 0;
    figures_.https_ok = narrator_.Expect(served, "the name of a web server", answer.Describe()) &&
                        figures_.https_ok;
  }

  narrator_.Step("Plain http:// is sent to https://.");
  const ProgramResult redirect =
      Show(lab_.client, {"curl", "-sS", "--max-time", "5", "-o", "/dev/null", "-w",
                         "%{http_code} to %{redirect_url}\\n", KoiLab::Url4("http", "/shop")});
  const bool redirected = redirect.out.find(KoiLab::Url4("https", "/shop")) != std::string::npos;
  figures_.https_ok =
      narrator_.Expect(redirected, "a redirect to https", redirect.Describe()) && figures_.https_ok;
}

void Demo::ShowWhoServed() {
  narrator_.Step("Each CPU has a worker of its own. Which one serves the next connection?");
  const std::vector<CpuStats> before = Cpus();
  Show(lab_.client, {"curl", "-sS", "--max-time", "5", "--cacert", lab_.certificate.chain,
                     KoiLab::Url4("https", "/")});
  ShowKoi(lab_.blue, {"worker", "list"});
  const std::vector<CpuStats> after = Cpus();
  int served = 0;
  for (size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    if (after[i].accepted == before[i].accepted) continue;
    ++served;
    narrator_.Say(absl::StrCat("XDP sent the connection to CPU ", after[i].cpu, " (",
                               after[i].steered - before[i].steered,
                               " steered there); the worker pinned to it, process ", after[i].pid,
                               ", accepted and served it."));
  }
  narrator_.Expect(served == 1, "one worker accepted it", absl::StrCat(served, " did"));
}

void Demo::ConnectAThousandTimes() {
  narrator_.Step(
      absl::StrCat("The client makes ", kConnections,
                   " TLS connections, half over IPv4, half over IPv6. XDP chooses a CPU for each;\n"
                   "   its worker must be the one that accepts it."));
  narrator_.Command("koi worker list -o json    # on blue, before and after");
  const std::vector<CpuStats> before = Cpus();
  const LoadReport burst =
      Burst(lab_.client, {KoiLab::Url4("https", "/"), KoiLab::Url6("https", "/")},
            lab_.certificate.chain, kConnections);
  const std::vector<CpuStats> after = Cpus();
  narrator_.Expect(burst.ok == kConnections, absl::StrCat(kConnections, " answers"),
                   burst.Describe());
  figures_.connections = static_cast<int64_t>(burst.ok);

  uint64_t mismatches = 0;
  uint64_t all_accepted = 0;
  for (size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    const uint64_t steered = after[i].steered - before[i].steered;
    const uint64_t accepted = after[i].accepted - before[i].accepted;
    const uint64_t misplaced = after[i].misplaced - before[i].misplaced;
    all_accepted += accepted;
    // A SYN sent twice is steered twice and accepted once; the other way round is a mismatch.
    mismatches += misplaced + (accepted > steered ? accepted - steered : 0);
    narrator_.Say(absl::StrCat("CPU ", after[i].cpu, ": XDP sent ", steered,
                               ", its worker accepted ", accepted, ", of which ", misplaced,
                               " arrived on another CPU"));
  }
  figures_.cpu_mismatches = static_cast<int64_t>(mismatches);
  narrator_.Expect(mismatches == 0, "0 mismatches", absl::StrCat(mismatches));
  narrator_.Expect(all_accepted >= kConnections, absl::StrCat(kConnections, " accepted by koi"),
                   absl::StrCat(all_accepted));
}

void Demo::AddAndDrainUnderLoad() {
  narrator_.Step(
      "While clients keep asking, web-3 is added and web-1 is drained. No request may fail.");
  Load load(lab_.client, {KoiLab::Url4("https", "/"), KoiLab::Url6("https", "/")},
            lab_.certificate.chain);
  narrator_.Expect(Eventually(10s, [&] { return load.SoFar().ok >= 200; }), "answers",
                   load.SoFar().Describe());

  ShowKoi(lab_.blue, {"backend", "add", "web", "web-3", lab_.web_3.endpoint4()});
  const bool added = Eventually(10s, [&] { return ServedBy(load, "web-3") > 20; });
  narrator_.Expect(added, "web-3 answers requests", load.SoFar().Describe());

  ShowKoi(lab_.blue, {"backend", "drain", "web", "web-1"});
  // Drained: two counts, 300 answers apart, that are the same.
  const bool drained = Eventually(10s, [&] {
    const uint64_t before = ServedBy(load, "web-1");
    const uint64_t answers = load.SoFar().ok;
    Eventually(5s, [&] { return load.SoFar().ok >= answers + 300; });
    return ServedBy(load, "web-1") == before;
  });
  narrator_.Expect(drained, "web-1 answers no more",
                   absl::StrCat(ServedBy(load, "web-1"), " answers"));

  const LoadReport report = load.Stop();
  figures_.failed_during_drain = static_cast<int64_t>(report.failed);
  narrator_.Say(absl::StrCat("Clients saw: ", report.Describe(), "; answered by ",
                             absl::StrJoin(report.served_by, ", ", absl::PairFormatter(" "))));
  narrator_.Expect(report.failed == 0, "no failed request", report.Describe());
  ShowKoi(lab_.blue, {"backend", "list"});
}

void Demo::ShowMaps() {
  narrator_.Step(
      "All of this lives in BPF maps that a person can read: the VIPs, the backends, what a worker "
      "does.");
  narrator_.Expect(
      Show(lab_.blue.host(), {"bpftool", "map", "dump", "pinned", lab_.blue.MapPath("koi_vips")})
          .ok(),
      "koi_vips", "bpftool failed");
  for (int number = 1; number <= kRowsShown; ++number) {
    const ProgramResult row = Show(
        lab_.blue.host(), {"bpftool", "map", "lookup", "pinned", lab_.blue.MapPath("koi_backends"),
                           "key", absl::StrCat(number), "0", "0", "0"});
    narrator_.Expect(row.out.find("\"name\": \"web-") != std::string::npos, "a backend's name",
                     row.Describe());
  }
  const std::vector<CpuStats> cpus = Cpus();
  if (!narrator_.Expect(!cpus.empty(), "workers", "none")) return;
  const std::string worker = lab_.blue.MapPath(absl::StrCat("koi_worker_", cpus.front().cpu));
  narrator_.Expect(Show(lab_.blue.host(),
                        {"bpftool", "map", "lookup", "pinned", worker, "key", "0", "0", "0", "0"})
                       .ok(),
                   "the worker's figures", "bpftool failed");
}

void Demo::KillMaster() {
  narrator_.Step(
      "blue dies without a word (SIGKILL). red hears nothing for three adverts and takes over.");
  OutageProber prober(lab_.client, KoiLab::Url4("https", "/"), lab_.certificate.chain);
  const TimePoint begun = Now();
  Eventually(5s, [&] { return prober.last_answer() > begun + 200ms; });
  narrator_.Command(absl::StrCat("kill -KILL ", lab_.blue.koid().pid(), "    # koid on blue"));
  const TimePoint killed = Now();
  lab_.blue.Kill();

  Eventually(2 * kLeaseOver, [&] { return Now() - killed >= kLeaseOver; });
  const std::vector<std::string> left = lab_.blue.VipsPresent();
  figures_.vips_left_behind = static_cast<int64_t>(left.size());
  const bool replaced = Eventually(5 * kDeadTime, [&] {
    return lab_.red.role() == "master" && prober.last_answer() > killed + 1s;
  });
  const OutageReport outage = prober.Stop();

  narrator_.Say(absl::StrCat("The VIPs are a lease in the kernel: ", FormatDuration(kLeaseOver),
                             " after the kill, ", left.size(), " of 2 are left on blue."));
  narrator_.Expect(left.empty(), "none left", absl::StrJoin(left, ", "));
  if (narrator_.Expect(
          replaced, "red is master and answers",
          absl::StrCat("role \"", lab_.red.role(), "\"; its log ends:\n", lab_.red.LogTail()))) {
    figures_.failover_outage_ms = outage.longest_gap_ms;
    narrator_.Say(absl::StrCat("The client had no answer for ", outage.longest_gap_ms, " ms."));
    const ProgramResult answer =
        Show(lab_.client, {"curl", "-sS", "--max-time", "5", "--cacert", lab_.certificate.chain,
                           KoiLab::Url6("https", "/")});
    narrator_.Expect(answer.ok(), "an answer from red over IPv6 too", answer.Describe());
  }
}

void Demo::BringItBack() {
  narrator_.Step(
      "blue comes back. red keeps the VIPs: a host that returns does not take over (preempt = "
      "false).");
  narrator_.Command(
      absl::StrCat("koid --config ", lab_.blue.host().directory(), "/koi.toml    # on blue"));
  lab_.blue.Start();
  const bool backup = Eventually(30s, [this] { return lab_.blue.role() == "backup"; });
  narrator_.Expect(
      backup, "blue is backup",
      absl::StrCat("role \"", lab_.blue.role(), "\"; its log ends:\n", lab_.blue.LogTail()));
  const bool kept = !Eventually(kDeadTime + 1s, [this] { return lab_.red.role() != "master"; });
  narrator_.Expect(kept, "red is still master", absl::StrCat("role \"", lab_.red.role(), "\""));
  for (const Balancer* balancer : {&lab_.blue, &lab_.red}) {
    narrator_.Expect(ShowKoi(*balancer, {"status"}).ok(), "a status", "koi status failed");
  }
}

void Demo::SayHowToEnter() {
  narrator_.Step("The lab is left standing.");
  narrator_.Say(lab_.lab.Instructions());
  for (const Balancer* balancer : {&lab_.blue, &lab_.red}) {
    narrator_.Say(absl::StrCat("koi on ", balancer->name(), ":\n  ", KOI_BINARY_DIR,
                               "/bin/koi --socket ", lab_.lab.directory(), "/", balancer->name(),
                               "/run/koi.sock status"));
  }
}

ProgramResult Demo::Show(const Host& host, const Argv& argv) {
  narrator_.Command(absl::StrCat(Typed(argv), "    # on ", host.name()));
  ProgramResult result = host.Run(argv);
  narrator_.Say(result.Describe());
  return result;
}

ProgramResult Demo::ShowKoi(const Balancer& balancer, const Argv& arguments) {
  Argv typed = {"koi"};
  typed.insert(typed.end(), arguments.begin(), arguments.end());
  narrator_.Command(absl::StrCat(ShellText(typed), "    # on ", balancer.name()));
  ProgramResult result = balancer.Koi(arguments);
  narrator_.Say(result.Describe());
  narrator_.Expect(result.ok(), "exit 0", absl::StrCat("exit ", result.exit_code));
  return result;
}

std::vector<CpuStats> Demo::Cpus() const {
  const absl::StatusOr<Stats> stats = lab_.blue.ReadStats();
  return stats.ok() ? stats->cpus : std::vector<CpuStats>{};
}

}  // namespace koi::lab
