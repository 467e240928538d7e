// SPDX-License-Identifier: Apache-2.0
// koid VIP PASSWORD [more VIPs], as the text of a configuration: what stands on the command line
// and in KOI_ variables goes the same way as what stands in files.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/address.h"
#include "config/error.h"

namespace koi {

// An address of an interface of this host, with its prefix length.
struct InterfaceNetwork {
  std::string interface = {};
  Address address = {};
  int prefix_bits = 0;  // of the address's own family
};

struct CommandLine {
  std::vector<std::string> arguments = {};              // at least one
  std::map<std::string, std::string> environment = {};  // of CommandLineVariables(); "" is as unset
};

struct CommandLineConfig {
  ConfigSource source = {};  // [node], [[carp]], [[vip]], [stats]; without errors
  std::vector<ConfigError> errors = {};
  std::vector<std::string> warnings = {};
  std::string chosen = {};  // "interface=eth0 vhid=201 ...": for a log line
};

enum class DefaultService { kWithout, kWith };

// The names of the variables that are read.
const std::vector<std::string>& CommandLineVariables();

// Decides what was not said: interface and vhid. With the default service, HTTPS with a certificate
// of koi's own on every VIP, a redirect to it, and an empty pool "default". Only what is needed for
// deciding is checked here; ParseConfig() checks the rest, and its errors name what they are about.
CommandLineConfig ConfigFromCommandLine(const CommandLine& typed,
                                        const std::vector<InterfaceNetwork>& networks,
                                        DefaultService default_service);

}  // namespace koi
