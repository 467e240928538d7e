// SPDX-License-Identifier: Apache-2.0
// A koi container as a host of the lab: it lives in that host's network namespace.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/lab/lab.h"

namespace koi::lab {

// `arguments` for podman with the store and the limits of tests/container/podman.
Argv Podman(const Argv& arguments);
// tests/container/NAME
std::string ContainerScript(const std::string& name);

class Container {
 public:
  // Adds the host `name`, with a bpffs of its own and a folder for /var/lib/koi.
  Container(Lab& lab, const std::string& name);

  // podman run, detached: `flags`, then the image, then `arguments` for koid. Ends the program when
  // it does not start.
  void Start(const std::string& image, const Argv& flags, const Argv& arguments);
  // The same in the foreground, until koid ends by itself.
  ProgramResult Run(const std::string& image, const Argv& flags, const Argv& arguments) const;

  // Runs `argv` inside.
  ProgramResult Exec(const Argv& argv) const;
  ProgramResult Koi(const Argv& arguments) const;
  // podman healthcheck run: what the engine makes of HEALTHCHECK.
  ProgramResult HealthCheck() const;
  void Kill();  // SIGKILL to all of it
  // podman stop with its 10 seconds; koid's exit code.
  std::optional<int> Stop();
  std::string Log() const;

  Host& host() { return host_; }
  const Host& host() const { return host_; }
  // What koi keeps in /var/lib/koi.
  std::string StateFile(const std::string& name) const;
  bool HasAddress(const std::string& address) const;

 private:
  Argv RunCommand(const Argv& flags) const;

  Lab& lab_;
  Host& host_;
  const std::string container_;
};

}  // namespace koi::lab
