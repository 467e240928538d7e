// SPDX-License-Identifier: Apache-2.0
// The certificates of running services, and what TLS to backends needs: read anew when their files
// change and match, and on order.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "manager/certificate_loader.h"
#include "manager/file_identity.h"
#include "manager/pool_tls_watch.h"
#include "manager/worker_fleet.h"
#include "net/event_loop.h"
#include "protocol/control_messages.h"
#include "tls/certificate_reader.h"

namespace koi {

// Looks at the files every kLookInterval, at many of them in turns. A chain and a key that do not
// belong together are one half of a change: the other half is waited for, and what workers have
// stays. Only after kPatience somebody is told.
class CertificateWatch {
 public:
  // `workers` must outlive it; they have the services whose certificates are replaced.
  CertificateWatch(EventLoop& loop, WorkerFleet& workers) : loop_(loop), workers_(workers) {}

  // Called after workers were given other certificates by this watch.
  void OnChange(std::function<void()> callback) { on_change_ = std::move(callback); }

  // The services and files of `config`, with the certificates in use, from now on: the workers have
  // them already. What is known of those it follows already stays.
  void Follow(const Config& config, const CertificateSets& certificates);
  // Until the next Follow(): somebody else gives workers their services.
  void Pause() { timer_.Cancel(); }
  // Reads all files now. All or nothing: with any error the workers keep what they have. A
  // certificate that has expired is an error, unless it is in use already.
  CertificateList Reload();
  CertificateList List() const;
  // When those in use expire, the next first; at most kMostExpiries.
  std::vector<CertificateExpiry> Expiries() const;
  // Those in use.
  CertificateSets certificates() const;
  // What pools' files said when they were last taken into use by this watch, by path.
  const std::map<std::string, std::string>& pool_files() const { return pools_.files(); }

 private:
  struct Watched {
    std::string service = {};
    CertificateConfig files = {};
    std::array<FileIdentity, 3> seen = {};  // chain, key, OCSP response, when they were last read
    std::shared_ptr<const Certificate> in_use = nullptr;  // nullptr: never could be used
    std::string loaded = {};                              // when, UTC
    std::string waits = {};                               // why the files are not in use
    TimePoint waits_since = {};
    bool told = false;
  };
  struct Folder {
    std::string service = {};
    std::string path = {};
    FileIdentity seen = {};
  };
  void Look();
  // Whether the files of `watched` are others than those last read.
  static bool Changed(const Watched& watched);
  // Reads the files of `watched`. True: it has another certificate now.
  absl::StatusOr<bool> Read(Watched& watched);
  // Reads those that have changed, from where the last look ended; the services that have got
  // another certificate are in `changed_`. How many were read.
  int ReadChanged();
  // Files that came into a folder or left it.
  void LookAtFolders();
  void ListFolder(const Folder& folder, std::vector<Watched>& watched);
  void TellIfWaiting(Watched& watched);
  // Gives workers the services that have changed, and the pools as they are now.
  absl::Status Tell();
  void LogTaken(const Watched& watched) const;

  EventLoop& loop_;
  WorkerFleet& workers_;
  std::function<void()> on_change_ = [] {};
  std::vector<Watched> watched_;  // in the order of the services' certificates
  std::vector<Folder> folders_;
  size_t next_ = 0;  // of watched_, to be looked at
  std::set<std::string> changed_;
  PoolTlsWatch pools_;
  CertificateReader reader_;
  EventLoop::Timer timer_;
};

}  // namespace koi
