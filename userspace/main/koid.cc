// SPDX-License-Identifier: Apache-2.0
// koid: the keeper. Reads its flags, raises its limits, runs.
#include <getopt.h>
#include <sys/resource.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <memory>
#include <string>

#include "base/log.h"
#include "keeper/keeper.h"
#include "keeper/privileges.h"
#include "protocol/keeper_messages.h"

namespace {

constexpr char kUsage[] =
    "usage: koid [--config PATH] [VIP PASSWORD [more VIPs]]\n"
    "\n"
    "Runs koi on this host until SIGTERM. Needs root. PATH is a file, or a folder with koi.toml "
    "and conf.d/*.toml;\n"
    "/etc/koi unless given. `koi check PATH` tells what is wrong with it.\n"
    "\n"
    "With VIPs no file is needed: without any, HTTPS is offered on them and `koi backend add "
    "default NAME ADDRESS:PORT`\n"
    "adds who serves it; files add to what the arguments say. From the environment:\n"
    "  KOI_PASSWORD_FILE, KOI_PASSWORD  instead of the argument PASSWORD: all arguments are then "
    "VIPs\n"
    "  KOI_INTERFACE  default: the one in whose network the first VIP is\n"
    "  KOI_VHID       1 to 255; default: the last number of the first IPv4 VIP\n"
    "  KOI_ADVSKEW    0 to 254, default 0: the host with less is preferred as master\n"
    "  KOI_PREEMPT    true: take over from a master that is preferred less; default false\n"
    "  KOI_STATS      ADDRESS:PORT on which statistics are served; default: nowhere\n"
    "\n"
    "Exit status: 0 ok, 1 failure, 2 usage, 3 configuration invalid, 6 refused, 7 another koi "
    "runs.\n";

// Every connection takes a descriptor. Refused beyond the hard limit, which only an operator may
// raise.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) koi::LogWarn("cannot raise the limit of open files");
}

// A password given as the second argument is the keeper's and the manager's business, not of
// everyone who lists processes.
void HideSecondArgument(char** arguments, int count) {
  if (count < 2) return;
  for (char* c = arguments[1]; *c != '\0'; ++c) *c = '*';
}

// Where this program is: its siblings are beside it.
std::string ProgramDirectory() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  if (length <= 0) return "/usr/sbin";
  const std::string program(path, static_cast<size_t>(length));
  return program.substr(0, program.rfind('/'));
}

}  // namespace

int main(int argc, char** argv) {
  koi::SetLogName("koid");
  koi::KeeperOptions options{.config = "/etc/koi", .program_directory = ProgramDirectory()};
  const option flags[] = {{"config", required_argument, nullptr, 'c'},
                          {"help", no_argument, nullptr, 'h'},
                          {nullptr, 0, nullptr, 0}};
  for (int flag = ::getopt_long(argc, argv, "c:h", flags, nullptr); flag != -1;
       flag = ::getopt_long(argc, argv, "c:h", flags, nullptr)) {
    if (flag == 'c') {
      options.config = optarg;
    } else {
      std::fputs(kUsage, flag == 'h' ? stdout : stderr);
      return flag == 'h' ? koi::kExitOk : koi::kExitUsage;
    }
  }
  options.arguments.assign(argv + optind, argv + argc);
  HideSecondArgument(argv + optind, argc - optind);
  if (::geteuid() != 0) {
    std::fputs("koid: must be started as root: it loads BPF programs and owns addresses\n", stderr);
    return koi::kExitRefused;
  }
  if (const absl::Status privileges = koi::CheckPrivileges(); !privileges.ok()) {
    koi::LogError("cannot start", {{"why", privileges.message()}});
    return koi::kExitRefused;
  }
  RaiseDescriptorLimit();

  absl::StatusOr<std::unique_ptr<koi::EventLoop>> loop = koi::EventLoop::Create();
  if (!loop.ok()) {
    koi::LogError("cannot start", {{"why", loop.status().message()}});
    return koi::kExitFailure;
  }
  absl::StatusOr<std::unique_ptr<koi::Keeper>> keeper =
      koi::Keeper::Create(**loop, std::move(options));
  if (!keeper.ok()) {
    koi::LogError("cannot start", {{"why", keeper.status().message()}});
    return absl::IsAlreadyExists(keeper.status()) ? koi::kExitConflict : koi::kExitFailure;
  }
  return (*keeper)->Run();
}
