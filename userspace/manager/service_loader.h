// SPDX-License-Identifier: Apache-2.0
// What workers are told of each service and pool: the configuration with the texts of its
// certificates.
#pragma once

#include <string>
#include <vector>

#include "config/build.h"
#include "config/config.h"
#include "manager/certificate_loader.h"
#include "protocol/worker_messages.h"

namespace koi {

struct LoadedServices {
  std::vector<WorkerService> services;  // all of the configuration's, in its order
  std::vector<WorkerPool> pools;        // likewise
  CertificateSets certificates;         // those in them
  std::vector<std::string> errors;      // sentences; with any, the services must not be used
  std::vector<std::string> warnings;
};

// Makes the self-signed certificates that `config` asks for and that are not there yet. Sentences
// say what kept it from that.
std::vector<std::string> EnsureCertificates(const Config& config);

struct ServiceReaders {
  CertificateSource certificates;
  ConfigFileReader authorities;  // the files of client_ca, and those of pools
};

// Has every certificate and key that `config` names read. Tells all that is wrong, not the first.
LoadedServices LoadServices(const Config& config, const ServiceReaders& readers);

}  // namespace koi
