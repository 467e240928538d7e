// SPDX-License-Identifier: Apache-2.0
// The certificates of services: which files they are in, and reading all of them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/fd.h"
#include "config/config.h"
#include "protocol/worker_messages.h"
#include "tls/certificate.h"
#include "tls/certificate_reader.h"

namespace koi {

// By the names of services.
using CertificateSets = std::map<std::string, CertificateSet>;

struct LoadedCertificates {
  CertificateSet certificates = {};
  std::vector<std::string> errors = {};  // sentences; with any, the set must not be used
  std::vector<std::string> warnings = {};
};

// Asked before each file is read; false: the rest need not be.
using GoOn = std::function<bool()>;

// Reads from disk while `go_on` says so; then Cancelled.
PemReader FilesWhile(GoOn go_on);

// Who has the certificates of a service.
using CertificateSource = std::function<LoadedCertificates(const ServiceConfig&)>;

// The files in `folder`: those of each NAME.pem, in the order of their names.
absl::StatusOr<std::vector<CertificateConfig>> FilesIn(const std::string& folder);

// Has the files of `service` read by `read`. One of `before` whose files have the same texts is
// taken from there. What is wrong in a folder is a warning, as long as there is any certificate:
// one file of ten thousand keeps no service from being offered.
LoadedCertificates LoadCertificates(const ServiceConfig& service, CertificateReader& reader,
                                    const PemReader& read, const CertificateSet& before);

// The memory file for workers. Internal when there is no memory.
absl::StatusOr<MessageFile> FileOf(const CertificateSet& certificates);

// Those that workers have for `services`, in one memory file for a manager after this one, made of
// the files that workers were given: to encode ten thousand again takes a while.
absl::StatusOr<Fd> FileOfAll(const std::vector<WorkerService>& services);
// What is in it. DataLoss when `bytes` are none.
absl::StatusOr<CertificateSets> DecodeCertificateSets(absl::string_view bytes);

}  // namespace koi
