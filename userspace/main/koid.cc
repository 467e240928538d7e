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
#include "protocol/keeper_messages.h"

namespace {

constexpr char kUsage[] =
    "usage: koid [--config PATH]\n"
    "\n"
    "Runs koi on this host until SIGTERM. Needs root. PATH is a file, or a folder with koi.toml "
    "and conf.d/*.toml;\n"
    "/etc/koi unless given. `koi check PATH` tells what is wrong with it.\n"
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
  if (optind < argc) {
    std::fprintf(stderr, "koid: \"%s\" is no flag of koid\n%s", argv[optind], kUsage);
    return koi::kExitUsage;
  }
  if (::geteuid() != 0) {
    std::fputs("koid: must be started as root: it loads BPF programs and owns addresses\n", stderr);
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
