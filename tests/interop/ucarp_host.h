// SPDX-License-Identifier: Apache-2.0
// A real ucarp on a host of the lab, in the group that koi-carp is in.
#pragma once

#include <string>

#include "interop/carp_stand_in.h"
#include "support/lab/lab.h"

namespace koi::lab {

struct UcarpOptions {
  int advskew = 0;
  bool preempt = false;
  std::string password = kCarpPassword;
};

class UcarpHost {
 public:
  explicit UcarpHost(Host& host) : host_(host) {}

  void Start(const UcarpOptions& options = {});
  // SIGKILL, and its VIP removed: what the end of a host looks like from outside.
  void Crash();
  // ucarp has the VIP exactly while it is master.
  bool master() const { return HasVip(host_); }

 private:
  Host& host_;
  Process ucarp_;
};

}  // namespace koi::lab
