// SPDX-License-Identifier: Apache-2.0
// One host of a lab: a network namespace with lo and eth0, and a directory.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "support/lab/program.h"

namespace koi::lab {

class Lab;

class Host {
 public:
  // Made by Lab::Add.
  Host(const Lab& lab, std::string name, int number);

  const std::string& name() const { return name_; }
  const std::string& ip4() const { return ip4_; }
  const std::string& ip6() const { return ip6_; }
  // Its own files: /run/koi-lab-PID/NAME.
  const std::string& directory() const { return directory_; }
  const std::string& namespace_name() const { return namespace_name_; }

  // Runs `argv` in its network namespace; everything else is this machine's.
  ProgramResult Run(const Argv& argv, Duration limit = std::chrono::seconds(30)) const;
  // Starts `argv` there; its output goes to the file `log` of the host's directory. Ends the
  // program when it cannot be started.
  Process Start(const Argv& argv, const std::string& log) const;

  // Runs `function` in a thread that lives in its network namespace; sockets made there stay there.
  template <typename Function>
  auto In(Function function) const {
    using Result = decltype(function());
    if constexpr (std::is_void_v<Result>) {
      std::thread([&] {
        EnterNamespace();
        function();
      }).join();
    } else {
      Result result{};
      std::thread([&] {
        EnterNamespace();
        result = function();
      }).join();
      return result;
    }
  }
  // Moves the calling thread, never the main one, into its network namespace for good.
  void EnterNamespace() const;

  // The command in front of which `argv` runs there.
  Argv Enter(const Argv& argv) const;

 private:
  const Lab& lab_;
  const std::string name_;
  const std::string ip4_;
  const std::string ip6_;
  const std::string directory_;
  const std::string namespace_name_;
};

}  // namespace koi::lab
