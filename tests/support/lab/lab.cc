// SPDX-License-Identifier: Apache-2.0
// The lab: built by commands that a person could type, taken down by one script.
#include "support/lab/lab.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "base/file.h"

namespace koi::lab {
namespace {

constexpr int kFirstHostNumber = 11;
constexpr char kSwitch[] = "switch";

bool IsSet(const char* variable) {
  const char* value = getenv(variable);
  return value != nullptr && absl::string_view(value) != "" && absl::string_view(value) != "0";
}

// PREFIX and DIRECTORY stand for the lab's own. Only what lives in these namespaces is ended, each
// process by its number; the second round catches what was being started during the first.
constexpr char kDownScript[] = R"(#!/bin/sh
# Takes this lab down: ends what runs in its namespaces, then removes them and DIRECTORY.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
BEFORE_DOWN
namespaces=$(ip netns list | sed -n 's/^\(PREFIX[^ ]*\).*/\1/p')
for round in 1 2; do
  for namespace in $namespaces; do
    for pid in $(ip netns pids "$namespace"); do kill -KILL "$pid" 2>/dev/null; done
  done
done
for namespace in $namespaces; do ip netns delete "$namespace"; done
awk 'index($2, "DIRECTORY/") == 1 { print $2 }' /proc/mounts | sort -r |
  while read -r mount; do umount -l "$mount"; done
rm -rf DIRECTORY
)";

}  // namespace

void Die(const std::string& why) {
  std::cerr << "lab: " << why << std::endl;
  exit(1);
}

Lab::Lab(AtEnd at_end)
    : keep_(at_end == AtEnd::kKeep || IsSet("KOI_LAB_KEEP")),
      say_how_to_enter_(keep_ && at_end != AtEnd::kKeep),
      prefix_(absl::StrCat("koi-", getpid(), "-")),
      directory_(absl::StrCat("/run/koi-lab-", getpid())) {
  if (geteuid() != 0) Die("it is made of network namespaces: run it as root");
  if (access(directory_.c_str(), F_OK) == 0) {
    Die(absl::StrCat("one stands already: take it down by ", directory_, "/down"));
  }
  const char* path = getenv("PATH");
  setenv("PATH",
         absl::StrCat(path == nullptr ? "" : path, ":/usr/sbin:/usr/bin:/sbin:/bin").c_str(), 1);
  const absl::Status made = MakeDirectories(directory_);
  if (!made.ok()) Die(std::string(made.message()));
  WriteDownScript();
  if (!keep_) StartGuardian();

  const std::string name = NamespaceName(kSwitch);
  MustRun({"ip", "netns", "add", name});
  MustRun({"ip", "-n", name, "link", "add", "br0", "type", "bridge", "stp_state", "0",
           "forward_delay", "0", "mcast_snooping", "0"});
  MustRun({"ip", "-n", name, "link", "set", "br0", "up"});
}

Lab::~Lab() {
  if (keep_) {
    if (say_how_to_enter_) std::cerr << Instructions();
    return;
  }
  guardian_pipe_.Close();
  int wait_status = 0;
  while (waitpid(guardian_, &wait_status, 0) < 0 && errno == EINTR) {
  }
}

std::string Lab::NamespaceName(const std::string& name) const {
  return absl::StrCat(prefix_, name);
}

Host& Lab::Add(const std::string& name) {
  const int number = kFirstHostNumber + static_cast<int>(hosts_.size());
  Host& host = *hosts_.emplace_back(std::make_unique<Host>(*this, name, number));
  const absl::Status made = MakeDirectories(host.directory());
  if (!made.ok()) Die(std::string(made.message()));

  const std::string& space = host.namespace_name();
  MustRun({"ip", "netns", "add", space});
  MustRun(host.Enter({"sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0",
                      "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0"}));
  MustRun({"ip", "-n", space, "link", "set", "lo", "up"});
  MakeInterface(host);
  return host;
}

void Lab::RemoveInterface(const Host& host) {
  MustRun({"ip", "-n", host.namespace_name(), "link", "del", "eth0"});
}

void Lab::MakeInterface(const Host& host) {
  const std::string& space = host.namespace_name();
  MustRun({"ip", "link", "add", "eth0", "netns", space, "type", "veth", "peer", "name", host.name(),
           "netns", NamespaceName(kSwitch)});
  Plug(host);
  // A sender on a veth leaves its checksums to a NIC that is not there; what XDP redirects to a
  // CPU would then arrive with a wrong one.
  MustRun(host.Enter({"ethtool", "-K", "eth0", "tx", "off"}));
  MustRun({"ip", "-n", space, "addr", "add", absl::StrCat(host.ip4(), "/24"), "dev", "eth0"});
  MustRun(
      {"ip", "-n", space, "addr", "add", absl::StrCat(host.ip6(), "/64"), "dev", "eth0", "nodad"});
  MustRun({"ip", "-n", space, "link", "set", "eth0", "up"});
}

void Lab::Plug(const Host& host) {
  MustRun({"ip", "-n", NamespaceName(kSwitch), "link", "set", host.name(), "master", "br0", "up"});
}

void Lab::Unplug(const Host& host) {
  MustRun({"ip", "-n", NamespaceName(kSwitch), "link", "set", host.name(), "down"});
}

ProgramResult Lab::Run(const Argv& argv, Duration limit) const {
  Echo(ShellText(argv));
  return RunProgram(argv, limit);
}

void Lab::MustRun(const Argv& argv) const {
  const ProgramResult result = Run(argv);
  if (!result.ok()) Die(absl::StrCat(ShellText(argv), "\n", result.Describe()));
}

void Lab::Echo(const std::string& command) const {
  const std::lock_guard<std::mutex> lock(echo_mutex_);
  if (command == last_echo_) return;
  last_echo_ = command;
  std::ofstream(absl::StrCat(directory_, "/log"), std::ios::app) << command << '\n';
  if (IsSet("KOI_LAB_VERBOSE")) std::cerr << "+ " << command << std::endl;
}

std::string Lab::Instructions() const {
  std::string text = absl::StrCat("The lab stands in ", directory_,
                                  " (`log` there has its commands). Enter it:\n");
  for (const std::unique_ptr<Host>& host : hosts_) {
    absl::StrAppend(&text, "  ", ShellText(host->Enter({"bash"})), "    # ", host->name(), ", ",
                    host->ip4(), "\n");
  }
  absl::StrAppend(&text, "Take it down:\n  sh ", directory_, "/down\n");
  return text;
}

void Lab::AtTakeDown(const Argv& command) {
  absl::StrAppend(&before_down_, ShellText(command), "\n");
  WriteDownScript();
}

void Lab::WriteDownScript() const {
  const std::string script = absl::StrReplaceAll(
      kDownScript, {{"PREFIX", prefix_}, {"DIRECTORY", directory_}, {"BEFORE_DOWN", before_down_}});
  const absl::Status written = WriteFile(absl::StrCat(directory_, "/down"), script, 0755);
  if (!written.ok()) Die(std::string(written.message()));
}

// A shell in a session of its own that waits for the end of its input: then every holder of the
// other end is gone, and that is this program alone.
void Lab::StartGuardian() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) Die("no pipe for the guardian");
  const Fd read_end(ends[0]);
  guardian_pipe_ = Fd(ends[1]);
  const std::string script = absl::StrCat(directory_, "/down");
  const std::string output = absl::StrCat(directory_, "/guardian.log");
  guardian_ = fork();
  if (guardian_ < 0) Die("cannot start the guardian");
  if (guardian_ > 0) return;

  setsid();
  const int log = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(read_end.get(), STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  close_range(STDERR_FILENO + 1, ~0U, 0);
  execl("/bin/sh", "sh", "-c", "read -r never; exec sh \"$1\" </dev/null", "guardian",
        script.c_str(), nullptr);
  _exit(127);
}

}  // namespace koi::lab
