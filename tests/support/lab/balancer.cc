// SPDX-License-Identifier: Apache-2.0
// A koi host of the lab.
#include "support/lab/balancer.h"

#include <signal.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/file.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

// Three services: HTTPS, the plain port that sends people there, and bytes in both directions.
constexpr char kConfiguration[] = R"(version = 1

[node]
name = "@NAME@"
interface = "eth0"
run = "@DIRECTORY@/run"
state = "@DIRECTORY@/state"
bpffs = "@DIRECTORY@/bpf/koi"

[xdp]
mode = "@XDP_MODE@"

[[carp]]
vhid = 42
password_file = "@DIRECTORY@/carp.key"
advskew = @ADVSKEW@
preempt = @PREEMPT@

[[vip]]
address = "@VIP4@"

[[vip]]
address = "@VIP6@"

[stats]
listen = "127.0.0.1:8404"
auth_file = "@DIRECTORY@/stats.auth"

[[service]]
name = "web"
mode = "http"
listen = ["@VIP4@:443", "[@VIP6@]:443"]
tls = "terminate"
certificates = [{ chain = "@CHAIN@", key = "@KEY@" }]
pool = "web"

[[service]]
name = "web-plain"
mode = "http"
listen = ["@VIP4@:80", "[@VIP6@]:80"]
redirect = "https"

[[service]]
name = "bytes"
mode = "tcp"
listen = ["@VIP4@:9000", "[@VIP6@]:9000"]
pool = "web"

[[service]]
name = "bytes-tls"
mode = "tcp"
listen = ["@VIP4@:8443", "[@VIP6@]:8443"]
tls = "terminate"
certificates = [{ chain = "@CHAIN@", key = "@KEY@" }]
pool = "web"

[[pool]]
name = "web"
check = { tcp = true, interval = "500ms", rise = 2, fall = 3 }
backend = [
@BACKENDS@]
)";

std::string ConfigurationText(const Host& host, const BalancerOptions& options) {
  std::string backends;
  for (const auto& [name, endpoint] : options.backends) {
    absl::StrAppend(&backends, "  { name = \"", name, "\", address = \"", endpoint, "\" },\n");
  }
  return absl::StrReplaceAll(kConfiguration, {{"@NAME@", host.name()},
                                              {"@DIRECTORY@", host.directory()},
                                              {"@XDP_MODE@", options.xdp_mode},
                                              {"@ADVSKEW@", absl::StrCat(options.advskew)},
                                              {"@PREEMPT@", options.preempt ? "true" : "false"},
                                              {"@VIP4@", kVip4},
                                              {"@VIP6@", kVip6},
                                              {"@CHAIN@", options.certificate.chain},
                                              {"@KEY@", options.certificate.key},
                                              {"@BACKENDS@", backends}});
}

}  // namespace

Balancer::Balancer(Lab& lab, const std::string& name, const BalancerOptions& options)
    : lab_(lab), host_(lab.Add(name)) {
  const std::string& directory = host_.directory();
  for (const char* folder : {"/run", "/state", "/bpf"}) {
    const absl::Status made = MakeDirectories(absl::StrCat(directory, folder));
    if (!made.ok()) Die(std::string(made.message()));
  }
  lab.MustRun({"mount", "-t", "bpf", "bpf", absl::StrCat(directory, "/bpf")});

  struct Content {
    const char* file;
    std::string text;
    int mode;
  };
  for (const Content& content : {Content{"/carp.key", absl::StrCat(options.password, "\n"), 0600},
                                 Content{"/stats.auth", absl::StrCat(kStatsUser, "\n"), 0600},
                                 Content{"/koi.toml", ConfigurationText(host_, options), 0644}}) {
    const absl::Status written =
        WriteFile(absl::StrCat(directory, content.file), content.text, content.mode);
    if (!written.ok()) Die(std::string(written.message()));
  }
}

std::string Balancer::Config() const {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat(host_.directory(), "/koi.toml"));
  if (!text.ok()) Die(std::string(text.status().message()));
  return *std::move(text);
}

void Balancer::SetConfig(const std::string& text) const {
  const absl::Status written = WriteFile(absl::StrCat(host_.directory(), "/koi.toml"), text);
  if (!written.ok()) Die(std::string(written.message()));
}

void Balancer::EditConfig(const std::string& from, const std::string& to) const {
  std::string text = Config();
  const size_t at = text.find(from);
  if (at == text.npos) Die(absl::StrCat("koi.toml has no ", from));
  SetConfig(text.replace(at, from.size(), to));
}

void Balancer::Start(const Argv& environment) {
  Argv argv = {"env"};
  argv.insert(argv.end(), environment.begin(), environment.end());
  argv.insert(argv.end(),
              {KoiProgram("koid"), "--config", absl::StrCat(host_.directory(), "/koi.toml")});
  koid_ = host_.Start(argv, "koid.log");
}

void Balancer::Kill() {
  lab_.Echo(absl::StrCat("kill -KILL ", koid_.pid()));
  koid_.Signal(SIGKILL);
  koid_.Wait(5s);
}

std::optional<int> Balancer::Stop(Duration limit) {
  lab_.Echo(absl::StrCat("kill -TERM ", koid_.pid()));
  koid_.Signal(SIGTERM);
  return koid_.Wait(limit);
}

ProgramResult Balancer::Koi(const Argv& arguments) const {
  Argv argv = {KoiProgram("koi"), "--socket", absl::StrCat(host_.directory(), "/run/koi.sock")};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return host_.Run(argv);
}

absl::StatusOr<Stats> Balancer::ReadStats() const {
  const ProgramResult result = Koi({"stats", "-o", "json"});
  if (!result.ok()) return absl::UnavailableError(result.Describe());
  return DecodeStats(result.out);
}

std::string Balancer::role() const {
  const absl::StatusOr<Stats> stats = ReadStats();
  return stats.ok() ? stats->role : "";
}

int Balancer::ChildPid(const std::string& program) const {
  const ProgramResult children =
      host_.Run({"ps", "-o", "pid=,comm=", "--ppid", absl::StrCat(koid_.pid())});
  for (const absl::string_view line : absl::StrSplit(children.out, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int pid = 0;
    if (words.size() == 2 && words[1] == program && absl::SimpleAtoi(words[0], &pid)) return pid;
  }
  return 0;
}

std::vector<std::string> Balancer::VipsPresent() const {
  const ProgramResult result = host_.Run({"ip", "-o", "addr", "show", "dev", "eth0"});
  std::vector<std::string> present;
  for (const char* vip : {kVip4, kVip6}) {
    if (result.out.find(absl::StrCat(" ", vip, "/")) != std::string::npos)
      present.emplace_back(vip);
  }
  return present;
}

bool Balancer::XdpPresent() const {
  return host_.Run({"ip", "link", "show", "dev", "eth0"}).out.find(" xdp") != std::string::npos;
}

std::string Balancer::MapPath(const std::string& name) const {
  return absl::StrCat(host_.directory(), "/bpf/koi/", name);
}

ProgramResult Balancer::DumpMap(const std::string& name) const {
  return lab_.Run({"bpftool", "map", "dump", "pinned", MapPath(name)});
}

std::string Balancer::LogTail(size_t bytes) const {
  const std::string log =
      ReadFile(absl::StrCat(host_.directory(), "/koid.log"), 64 << 20).value_or("");
  return log.substr(log.size() - std::min(log.size(), bytes));
}

}  // namespace koi::lab
