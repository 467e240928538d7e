// SPDX-License-Identifier: Apache-2.0
// A koi host of the lab: the real programs, with files, sockets and pins below its own directory.
//
//   koi.toml  carp.key  stats.auth  run/ (koi.sock)  state/  bpf/koi (pinned maps)  koid.log
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/control_messages.h"
#include "support/lab/certificate.h"
#include "support/lab/lab.h"

namespace koi::lab {

constexpr char kVip4[] = "10.9.0.100";
constexpr char kVip6[] = "fd00:9::100";
constexpr char kStatsUser[] = "admin:foobar23";

struct BalancerOptions {
  Certificate certificate = {};
  std::vector<std::pair<std::string, std::string>> backends = {};  // name, endpoint
  int advskew = 0;
  bool preempt = false;
  std::string xdp_mode = "auto";
  std::string password = "lab-secret";
};

class Balancer {
 public:
  // Adds the host `name`, mounts its bpffs and writes its configuration. Nothing runs yet.
  Balancer(Lab& lab, const std::string& name, const BalancerOptions& options);

  const std::string& name() const { return host_.name(); }
  Host& host() { return host_; }
  const Host& host() const { return host_; }
  // The keeper.
  Process& koid() { return koid_; }

  // Its koi.toml; changed on disk alone, or with `from`, which must be there, replaced by `to`.
  std::string Config() const;
  void SetConfig(const std::string& text) const;
  void EditConfig(const std::string& from, const std::string& to) const;

  // `environment` ("NAME=VALUE") is koid's and its children's beside this program's.
  void Start(const Argv& environment = {});
  // SIGKILL to the keeper: for koi this is the death of the host.
  void Kill();
  // SIGTERM, and its exit code once it has ended, at the latest after `limit`.
  std::optional<int> Stop(Duration limit = std::chrono::seconds(15));

  // The CLI, with this host's socket: Koi({"status"}).
  ProgramResult Koi(const Argv& arguments) const;
  // What the manager says; also through the CLI.
  absl::StatusOr<Stats> ReadStats() const;
  // The role its manager reports; "" when none answers.
  std::string role() const;
  // The keeper's child that runs `program`, one of them; 0: none now.
  int ChildPid(const std::string& program) const;
  // VIPs that are on its interface now, whoever put them there.
  std::vector<std::string> VipsPresent() const;
  // Whether an XDP program is on its interface now.
  bool XdpPresent() const;
  // Path of the pinned map `name`.
  std::string MapPath(const std::string& name) const;
  // `bpftool map dump pinned` of it, as a person sees it.
  ProgramResult DumpMap(const std::string& name) const;
  // The end of what koid and its children wrote.
  std::string LogTail(size_t bytes = 4000) const;

 private:
  const Lab& lab_;
  Host& host_;
  Process koid_;
};

}  // namespace koi::lab
