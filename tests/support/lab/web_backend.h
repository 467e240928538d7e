// SPDX-License-Identifier: Apache-2.0
// A backend: a host of the lab on which a real nginx listens on port 8080.
//
//   /       its name            /mib    1 MiB
//   /long   16 MiB, at 2 MiB a second
//   /drip   chunked: a line, and its name after 10 s
//   /slow   its name, after 1 s  /headers  what koi sent: X-Forwarded-For and X-Forwarded-Proto
#pragma once

#include <string>

#include "support/lab/lab.h"

namespace koi::lab {

class WebBackend {
 public:
  // Adds the host `name` and starts nginx there.
  WebBackend(Lab& lab, const std::string& name);

  const std::string& name() const { return host_.name(); }
  Host& host() { return host_; }
  std::string endpoint4() const;  // "10.9.0.14:8080"
  std::string endpoint6() const;  // "[fd00:9::14]:8080"

  // SIGKILL to all of nginx; Start() lets it answer again.
  void Kill();
  void Start();

 private:
  Host& host_;
  Process nginx_;
};

}  // namespace koi::lab
