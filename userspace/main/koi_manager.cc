// SPDX-License-Identifier: Apache-2.0
// koi-manager, started by koid: its one flag, then the manager.
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/log.h"
#include "manager/manager.h"
#include "protocol/arguments.h"
#include "protocol/keeper_messages.h"

namespace {

// What is read in the background is kept or freed by the event loop: with a heap for each thread
// that of the other would stay as large as it ever was. With ten thousand certificates these two
// halve what the process keeps.
void GiveMemoryBack() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  GiveMemoryBack();
  koi::SetLogName("koi-manager");
  if (argc != 3 || std::strcmp(argv[1], "--config") != 0) {
    std::fputs("koi-manager is started by koid, not by hand\n", stderr);
    return koi::kExitUsage;
  }
  // Whoever sends them to all of koi at once, as a terminal or systemd does, means the keeper,
  // which then tells the manager what to do and when.
  (void)std::signal(SIGTERM, SIG_IGN);
  (void)std::signal(SIGINT, SIG_IGN);
  absl::StatusOr<std::vector<std::string>> arguments =
      koi::UnpackArguments(koi::kManagerArgumentsFd);
  if (!arguments.ok()) {
    koi::LogError("cannot start", {{"why", arguments.status().message()}});
    return koi::kExitFailure;
  }
  return koi::RunManager(koi::ConfigSources(argv[2], *std::move(arguments)));
}
