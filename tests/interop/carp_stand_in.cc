// SPDX-License-Identifier: Apache-2.0
// fork, privileges, exec; then non-blocking reads whenever a test asks something.
#include "interop/carp_stand_in.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/text.h"
#include "keeper/privileges.h"
#include "net/channel.h"
#include "protocol/keeper_messages.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

// Runs koi-carp in the place of this (forked) process.
[[noreturn]] void BecomeKoiCarp(const Host& host, const Fd& keeper, const Fd& manager) {
  host.EnterNamespace();
  const int log = ::open(absl::StrCat(host.directory(), "/koi-carp.log").c_str(),
                         O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  // Out of the way of the two numbers first.
  const int keeper_copy = ::fcntl(keeper.get(), F_DUPFD, 100);
  const int manager_copy = ::fcntl(manager.get(), F_DUPFD, 100);
  ::dup2(keeper_copy, kChildChannelFd);
  ::dup2(manager_copy, kCarpManagerChannelFd);
  ::close_range(kCarpManagerChannelFd + 1, ~0U, 0);
  if (!TakePrivileges(ChildRole::kCarp).ok()) ::_exit(126);
  ::execl(KoiProgram("koi-carp").c_str(), "koi-carp", nullptr);
  ::_exit(127);
}

}  // namespace

bool HasVip(const Host& host, const std::string& vip) {
  return absl::StrContains(host.Run({"ip", "-o", "addr", "show", "dev", "eth0"}).out,
                           absl::StrCat(" ", vip, "/"));
}

bool HasXdp(const Host& host) {
  return absl::StrContains(host.Run({"ip", "-o", "link", "show", "dev", "eth0"}).out, " xdp");
}

CarpConfig CarpDefaults() {
  CarpConfig carp;
  carp.vhid = kCarpVhid;
  carp.password = kCarpPassword;
  return carp;
}

CarpGroup GroupOf(const CarpConfig& carp) {
  return {.number = kCarpGroup,
          .carp = carp,
          .vips = {*Address::Parse(kCarpVip4), *Address::Parse(kCarpVip6)}};
}

CarpStandIn::CarpStandIn(Host& host) : host_(host) {
  const std::string bpffs = absl::StrCat(host.directory(), "/bpf");
  if (!MakeDirectories(bpffs).ok()) Die("cannot make a directory for bpffs");
  const ProgramResult mounted = RunProgram({"mount", "-t", "bpf", "bpf", bpffs});
  if (!mounted.ok()) Die(mounted.Describe());
  auto object = BpfObject::Load(absl::StrCat(bpffs, "/koi"), ExistingMaps::kReplace);
  if (!object.ok()) Die(std::string(object.status().message()));
  object_ = *std::move(object);
  auto gates = object_->MapFd("koi_gates");
  if (!gates.ok()) Die(std::string(gates.status().message()));
  gates_ = std::make_unique<GateMap>(*std::move(gates));
}

CarpStandIn::~CarpStandIn() { Kill(); }

void CarpStandIn::Start(const CarpConfig& carp, const XdpConfig& xdp) {
  auto keeper = MakeChannelPair();
  auto manager = MakeChannelPair();
  if (!keeper.ok() || !manager.ok()) Die("cannot make channels");
  keeper_ = std::move(keeper->first);
  manager_ = std::move(manager->first);
  exit_code_.reset();
  report_ = {};
  said_stopped_ = false;
  pid_ = ::fork();
  if (pid_ < 0) Die("cannot fork");
  if (pid_ == 0) BecomeKoiCarp(host_, keeper->second, manager->second);
  if (held_link_.valid()) {
    KeeperMessage held{KeeperMessageType::kHeld};
    held.SetName(kHeldXdpLink);
    (void)SendMessage(keeper_.get(), held.bytes(), {held_link_.get()});
  }
  Configure(carp, xdp);
}

void CarpStandIn::Configure(const CarpConfig& carp, const XdpConfig& xdp) {
  Configure(std::vector<CarpGroup>{GroupOf(carp)}, xdp);
}

void CarpStandIn::Configure(std::vector<CarpGroup> groups, const XdpConfig& xdp) {
  const CarpConfigure configure = {.interface = "eth0", .xdp = xdp, .groups = std::move(groups)};
  auto gates = object_->MapFd("koi_gates");
  if (!gates.ok()) Die(std::string(gates.status().message()));
  const absl::Status sent = SendMessage(manager_.get(), EncodeCarpMessage(configure),
                                        {object_->xdp_program_fd(), gates->get()});
  if (!sent.ok()) Die(std::string(sent.message()));
}

void CarpStandIn::Kill() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  (void)WaitForExit(std::chrono::seconds(5));
  ReadChannels();
}

void CarpStandIn::AskToStop() {
  (void)SendMessage(keeper_.get(), KeeperMessage{KeeperMessageType::kStop}.bytes());
}

std::optional<int> CarpStandIn::WaitForExit(Duration limit) {
  if (pid_ < 0) return 0;
  Eventually(limit, [this] {
    int wait_status = 0;
    if (!exit_code_.has_value() && ::waitpid(pid_, &wait_status, WNOHANG) == pid_) {
      exit_code_ = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
    }
    return exit_code_.has_value();
  });
  return exit_code_;
}

CarpRole CarpStandIn::role() { return group().role; }

CarpGroupReport CarpStandIn::group_of(size_t index) {
  ReadChannels();
  return index < report_.groups.size() ? report_.groups[index] : CarpGroupReport{};
}

XdpReport CarpStandIn::xdp() {
  ReadChannels();
  return report_.xdp;
}

bool CarpStandIn::Pongs(Duration limit) {
  KeeperMessage ping{KeeperMessageType::kPing};
  ping.value = ++last_ping_;
  (void)SendMessage(keeper_.get(), ping.bytes());
  return Eventually(limit, [this] {
    ReadChannels();
    return last_pong_ == last_ping_;
  });
}

bool CarpStandIn::gate_open(uint32_t group) const {
  const auto until = gates_->Read(group);
  return until.ok() && *until > Now();
}

bool CarpStandIn::holds_link() {
  ReadChannels();
  return held_link_.valid();
}

bool CarpStandIn::said_stopped() {
  ReadChannels();
  return said_stopped_;
}

bool CarpStandIn::said_busy() {
  ReadChannels();
  return said_busy_;
}

std::string CarpStandIn::LogTail() const {
  return ReadFile(absl::StrCat(host_.directory(), "/koi-carp.log")).value_or("");
}

void CarpStandIn::ReadChannels() {
  if (manager_.valid()) {
    for (auto got = ReceiveMessage(manager_.get()); got.ok();
         got = ReceiveMessage(manager_.get())) {
      auto message = DecodeCarpMessage(got->bytes);
      if (message.ok() && std::holds_alternative<CarpReport>(*message)) {
        report_ = std::get<CarpReport>(*std::move(message));
      }
    }
  }
  if (!keeper_.valid()) return;
  for (auto got = ReceiveMessage(keeper_.get()); got.ok(); got = ReceiveMessage(keeper_.get())) {
    const auto message = KeeperMessage::FromBytes(got->bytes);
    if (!message.ok()) continue;
    if (message->type == KeeperMessageType::kPong) last_pong_ = message->value;
    if (message->type == KeeperMessageType::kStopped) said_stopped_ = true;
    if (message->type == KeeperMessageType::kBusy) said_busy_ = true;
    if (message->type == KeeperMessageType::kHold) held_link_ = std::move(got->fds.at(0));
    if (message->type == KeeperMessageType::kDrop) held_link_ = Fd();
  }
}

}  // namespace koi::lab
