// SPDX-License-Identifier: Apache-2.0
// The files that TLS to backends needs: read anew when they change and can be used together.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/build.h"
#include "config/config.h"
#include "manager/file_identity.h"
#include "protocol/control_messages.h"
#include "protocol/worker_messages.h"
#include "tls/certificates.h"

namespace koi {

// A part of CertificateWatch, which says when to look. A copy goes on from where it was made.
class PoolTlsWatch {
 public:
  // The pools of `config` that speak TLS, from now on; workers have `told`. What is known of those
  // it follows already stays.
  void Follow(const Config& config, const std::vector<WorkerPool>& told);
  // Reads the files that have changed. Whether workers must be told of a pool; one that cannot be
  // used stays as it is, and after `patience` somebody is told.
  bool Look(TimePoint now, Duration patience);
  // Reads all files by `read_file`; returns what is wrong. The names of the pools that have changed
  // are added to `changed`. Logs nothing: a copy may do it in the background.
  std::vector<std::string> Reload(const ConfigFileReader& read_file,
                                  std::vector<std::string>& changed);

  // `pools` with the texts in use.
  std::vector<WorkerPool> With(std::vector<WorkerPool> pools) const;
  // The certificates that koi shows to backends, as they are in use.
  std::vector<CertificateStats> List() const;
  // The texts that were read since the first Follow() and are in use, by path.
  const std::map<std::string, std::string>& files() const { return files_; }

 private:
  struct Watched {
    PoolConfig pool = {};
    std::array<FileIdentity, 3> seen = {};  // ca, certificate, key, when they were last read
    WorkerPoolTls in_use = {};
    CertificateFacts facts = {};  // of its certificate, where it has one
    std::string loaded = {};      // when, UTC
    std::string waits = {};       // why the files are not in use
    TimePoint waits_since = {};
    bool told = false;
  };
  static std::array<FileIdentity, 3> IdentitiesOf(const PoolTlsFiles& files);
  // Has the files of `watched` read. True: it has other texts now.
  absl::StatusOr<bool> Read(const ConfigFileReader& read, Watched& watched);

  std::vector<Watched> watched_;
  std::map<std::string, std::string> files_;
};

}  // namespace koi
