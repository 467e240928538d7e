// SPDX-License-Identifier: Apache-2.0
// One loop: wait for a signal or for addresses to change.
#include "decap/attach.h"

#include <net/if.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "dataplane/bpffs.h"
#include "dataplane/decap_program.h"
#include "dataplane/links.h"
#include "decap/host_addresses.h"
#include "decap/status.h"

namespace koi {
namespace {

absl::StatusOr<Fd> TakeEndingSignals() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  Fd signals;
  if (::sigprocmask(SIG_BLOCK, &ending, nullptr) == 0) {
    signals = Fd(::signalfd(-1, &ending, SFD_CLOEXEC));
  }
  if (!signals.valid()) return absl::ErrnoToStatus(errno, "cannot wait for signals");
  return signals;
}

absl::Status FollowAddresses(const HostAddresses& host, DecapProgram& program) {
  KOI_ASSIGN_OR_RETURN(const std::vector<Address> addresses, host.Read());
  return program.SetAddresses(addresses);
}

absl::Status RunUntilSignal(const Fd& signals, HostAddresses& host, DecapProgram& program) {
  while (true) {
    std::array<pollfd, 2> waits = {pollfd{signals.get(), POLLIN, 0}, pollfd{host.fd(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) {
      return absl::ErrnoToStatus(errno, "cannot wait");
    }
    if (waits[0].revents != 0) return absl::OkStatus();
    if (waits[1].revents == 0) continue;
    host.ForgetChanges();
    const absl::Status followed = FollowAddresses(host, program);
    if (!followed.ok()) LogError("addresses not followed", {{"why", followed.message()}});
  }
}

std::string FromText(const DecapOptions& options) {
  return absl::StrJoin(options.from, ",", [](std::string* out, const Prefix& prefix) {
    absl::StrAppend(out, prefix.ToString());
  });
}

// Pins while it lives: a directory that this process alone has.
class DecapPinning {
 public:
  static absl::StatusOr<std::unique_ptr<DecapPinning>> Make(const std::string& directory,
                                                            const DecapProgram& program) {
    KOI_RETURN_IF_ERROR(PrepareBpffs(directory));
    absl::StatusOr<Fd> lock = LockPins(directory);
    if (absl::IsAlreadyExists(lock.status())) {
      return absl::AlreadyExistsError("another koi-decap runs on this interface");
    }
    KOI_RETURN_IF_ERROR(lock.status());
    const std::string path = DecapFiguresPin(directory);
    (void)::unlink(path.c_str());  // of a run that was killed
    KOI_RETURN_IF_ERROR(program.PinFigures(path));
    return std::unique_ptr<DecapPinning>(new DecapPinning(directory, *std::move(lock)));
  }
  ~DecapPinning() { (void)RemovePins(directory_); }
  DecapPinning(const DecapPinning&) = delete;
  DecapPinning& operator=(const DecapPinning&) = delete;

 private:
  DecapPinning(std::string directory, Fd lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}
  std::string directory_;
  Fd lock_;
};

}  // namespace

std::string DecapPins(const std::string& bpffs, const std::string& interface) {
  return absl::StrCat(bpffs, "/koi-decap-", interface);
}

absl::Status AttachDecap(const DecapOptions& options) {
  const unsigned index = ::if_nametoindex(options.interface.c_str());
  if (index == 0) {
    return absl::NotFoundError(absl::StrCat("there is no interface \"", options.interface,
                                            "\"; `ip link` shows those there are"));
  }
  KOI_ASSIGN_OR_RETURN(const Fd signals, TakeEndingSignals());
  KOI_ASSIGN_OR_RETURN(HostAddresses host, HostAddresses::Watch());
  KOI_ASSIGN_OR_RETURN(const std::unique_ptr<DecapProgram> program,
                       DecapProgram::Load(options.from));
  KOI_RETURN_IF_ERROR(FollowAddresses(host, *program));
  KOI_ASSIGN_OR_RETURN(const auto pinning, DecapPinning::Make(options.pins, *program));
  KOI_ASSIGN_OR_RETURN(const XdpAttachment attached,
                       AttachXdp(program->program_fd(), static_cast<int>(index), options.mode));
  LogInfo("attached", {{"interface", options.interface},
                       {"mode", attached.mode == XdpMode::kNative ? "native" : "generic"},
                       {"why", attached.why},
                       {"from", FromText(options)}});
  KOI_RETURN_IF_ERROR(RunUntilSignal(signals, host, *program));
  KOI_RETURN_IF_ERROR(DetachLink(attached.link.get()));
  LogInfo("detached", {{"interface", options.interface}});
  return absl::OkStatus();
}

}  // namespace koi
