// SPDX-License-Identifier: Apache-2.0
// The files of services' certificates, and what was read of them.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/time.h"
#include "config/config.h"
#include "manager/certificate_loader.h"
#include "manager/file_identity.h"
#include "tls/certificate_reader.h"

namespace koi {

struct WatchedCertificate {
  std::string service = {};
  CertificateConfig files = {};
  std::array<FileIdentity, 3> seen = {};  // chain, key, OCSP response, when they were last read
  std::shared_ptr<const Certificate> in_use = nullptr;  // nullptr: never could be used
  std::string loaded = {};                              // when, UTC
  std::string waits = {};                               // why the files are not in use
  TimePoint waits_since = {};
  bool told = false;  // that it waits
};

// A part of CertificateWatch. It knows of no loop and logs nothing: a copy is read in the
// background, and goes on from where it was made.
class WatchedCertificates {
 public:
  // The services and files of `config`, with the certificates in use, from now on. What is known of
  // those it has already stays.
  void Follow(const Config& config, const CertificateSets& certificates);

  // Whether a folder is another one than was listed, or a file than was read: looks at all folders,
  // and at the next `most` certificates.
  bool Changed(size_t most);

  enum class Which { kChanged, kAll };
  struct Changes {
    std::vector<size_t> taken = {};                    // places in all() of certificates that came
    std::map<std::string, MessageFile> services = {};  // that have others now
    std::vector<std::string> errors = {};              // sentences about those that are in use
  };
  // Lists folders, reads files. One that cannot be used leaves the one before in use; of a folder
  // one that could never be used is no error. Until `go_on` says no: then it is of no use.
  Changes Read(Which which, CertificateReader& reader, const GoOn& go_on);

  // In the order of the services' certificates.
  const std::vector<WatchedCertificate>& all() const { return all_; }
  std::vector<WatchedCertificate>& all() { return all_; }
  // Those in use.
  CertificateSets sets() const;

 private:
  struct Folder {
    std::string service = {};
    std::string path = {};
    FileIdentity seen = {};
  };
  // Whether one has gone from the folder.
  bool ListFolder(const Folder& folder);
  absl::Status MakeFiles(const std::set<std::string>& services, Changes& changes) const;

  std::vector<WatchedCertificate> all_;
  std::vector<Folder> folders_;
  size_t next_ = 0;  // of all_, to be looked at
};

}  // namespace koi
