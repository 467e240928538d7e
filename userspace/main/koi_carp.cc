// SPDX-License-Identifier: Apache-2.0
// koi-carp: started by koid with its two channels, never by hand.
#include <fcntl.h>

#include <cstdio>

#include "base/log.h"
#include "carp/agent.h"
#include "protocol/keeper_messages.h"

int main(int argc, char**) {
  const bool has_channels = ::fcntl(koi::kChildChannelFd, F_SETFD, FD_CLOEXEC) == 0 &&
                            ::fcntl(koi::kCarpManagerChannelFd, F_SETFD, FD_CLOEXEC) == 0;
  if (argc > 1 || !has_channels) {
    std::fputs("koi-carp is a part of koi that koid starts; it takes no arguments\n", stderr);
    return koi::kExitUsage;
  }
  koi::SetLogName("koi-carp");
  return koi::RunCarp();
}
