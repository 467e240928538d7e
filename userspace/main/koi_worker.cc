// SPDX-License-Identifier: Apache-2.0
// koi-worker: the process of one CPU. Started by koid, with its channel to koi-manager as
// descriptor 3; there is nothing to tell it on its command line.
#include <cstdio>

#include "base/log.h"
#include "main/worker_memory.h"
#include "protocol/keeper_messages.h"
#include "tls/kdf_provider.h"
#include "worker/worker.h"

int main(int argc, char**) {
  if (argc != 1) {
    std::fputs("koi-worker is started by koid and takes no arguments\n", stderr);
    return koi::kExitUsage;
  }
  koi::GiveMemoryToOpenSsl();
  koi::SetLogName("koi-worker");
  // Without it handshakes cost more, and that is all.
  if (const absl::Status loaded = koi::LoadKdfProvider(); !loaded.ok()) {
    koi::LogWarn("TLS handshakes go without koi's own key schedule", {{"why", loaded.message()}});
  }
  return koi::Worker::Run(koi::Fd(koi::kChildChannelFd));
}
