// SPDX-License-Identifier: Apache-2.0
// What a node should be, as one value: the configuration as it was read, with every text it names,
// and the CLI's changes in it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/load.h"
#include "config/state.h"
#include "manager/certificate_loader.h"
#include "manager/service_loader.h"
#include "protocol/worker_messages.h"

namespace koi {

struct Desired {
  std::vector<ConfigSource> sources = {};
  std::map<std::string, std::string> files = {};  // that the sources name, by path
  Config file = {};                               // what the sources say
  State state = {};
  Config config = {};                        // `file` with `state` in it: what counts
  std::vector<WorkerService> services = {};  // of it
  CertificateSets certificates = {};         // of the services
  std::vector<WorkerPool> pools = {};        // of it
};

// Who reads the files that a configuration names.
struct NamedFileReaders {
  ConfigFileReader secrets;
  ServiceReaders services;
  bool on_disk = false;  // a certificate that koi is to make itself, and is not there, can be made
};
// As the files are on disk now. Certificates that have not changed are taken from `before`, which
// outlives the readers, and nothing is read any more once `go_on` says so.
NamedFileReaders DiskReaders(const CertificateSets& before, GoOn go_on);
// As `files` and `certificates` have them, which outlive the readers. A service whose certificates
// are not there has them read from disk, as above.
NamedFileReaders KeptReaders(const std::map<std::string, std::string>& files,
                             const CertificateSets& certificates, GoOn go_on);

struct DesiredResult {
  std::optional<Desired> desired = std::nullopt;  // only without errors
  std::vector<ConfigError> errors = {};
  std::vector<std::string> warnings = {};
  std::vector<std::string> dropped = {};  // changes that mean nothing any more
  std::string chosen = {};                // as ConfigTexts has it
};

// Puts `state` into `desired` in place of what it has; says what of it means nothing any more, a
// sentence each.
std::vector<std::string> PutState(const State& state, Desired& desired);

// What `texts` and `state` say together. What `numbered` has too keeps its number from there.
DesiredResult MakeDesired(ConfigTexts texts, const NamedFileReaders& readers, const State& state,
                          const Config& numbered);

}  // namespace koi
