// SPDX-License-Identifier: Apache-2.0
// ucarp and its two scripts.
#include "interop/ucarp_host.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace koi::lab {

void UcarpHost::Start(const UcarpOptions& options) {
  const std::string up = absl::StrCat(host_.directory(), "/vip-up");
  const std::string down = absl::StrCat(host_.directory(), "/vip-down");
  if (!WriteFile(up, "#!/bin/sh\nexec ip addr add \"$2/32\" dev \"$1\"\n", 0755).ok() ||
      !WriteFile(down, "#!/bin/sh\nexec ip addr del \"$2/32\" dev \"$1\"\n", 0755).ok()) {
    Die("cannot write ucarp's scripts");
  }
  Argv argv = {"ucarp",
               "--interface=eth0",
               absl::StrCat("--srcip=", host_.ip4()),
               absl::StrCat("--vhid=", kCarpVhid),
               absl::StrCat("--pass=", options.password),
               absl::StrCat("--addr=", kCarpVip4),
               absl::StrCat("--advskew=", options.advskew),
               absl::StrCat("--upscript=", up),
               absl::StrCat("--downscript=", down),
               "--shutdown",
               "--neutral"};
  if (options.preempt) argv.push_back("--preempt");
  ucarp_ = host_.Start(argv, "ucarp.log");
}

void UcarpHost::Crash() {
  ucarp_.Signal(SIGKILL);
  (void)ucarp_.Wait(std::chrono::seconds(5));
  (void)host_.Run({"ip", "addr", "del", absl::StrCat(kCarpVip4, "/32"), "dev", "eth0"});
}

}  // namespace koi::lab
