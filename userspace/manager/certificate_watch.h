// SPDX-License-Identifier: Apache-2.0
// The certificates of running services, and what TLS to backends needs: read anew when their files
// change and match, and on order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "manager/certificate_loader.h"
#include "manager/pool_tls_watch.h"
#include "manager/watched_certificates.h"
#include "manager/worker_fleet.h"
#include "net/background_task.h"
#include "net/event_loop.h"
#include "protocol/control_messages.h"
#include "tls/certificate_reader.h"

namespace koi {

// Looks at the files every kLookInterval, at many of them in turns; what has changed is read in the
// background, on a copy that is taken over when it is complete. A chain and a key that do not
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
  // Until the next Follow() or Resume(): somebody else gives workers their services. What is being
  // read is forgotten.
  void Pause();
  // Goes on where it was.
  void Resume() { LookAfter(kLookInterval); }
  // Reads all files. All or nothing: with any error the workers keep what they have. A certificate
  // that has expired is an error, unless it is in use already. Calls `done` once, later; until then
  // there must be no other.
  using Reloaded = std::function<void(const CertificateList&)>;
  void Reload(Reloaded done);
  bool reloading() const { return reloading_; }
  CertificateList List() const;
  // When those in use expire, the next first; at most kMostExpiries.
  std::vector<CertificateExpiry> Expiries() const;
  // Those in use.
  CertificateSets certificates() const { return watched_.sets(); }
  // What pools' files said when they were last taken into use by this watch, by path.
  const std::map<std::string, std::string>& pool_files() const { return pools_.files(); }

 private:
  static constexpr Duration kLookInterval = std::chrono::seconds(1);
  // What is read in the background, and what came of it.
  struct Reading {
    WatchedCertificates watched;
    PoolTlsWatch pools;
    WatchedCertificates::Changes changes = {};
    std::vector<std::string> pools_changed = {};
  };
  using Read = std::function<void(Reading&)>;
  void LookAfter(Duration delay);
  void Look();
  void LookAtPools();
  // Has `read` called, or says why not.
  absl::Status ReadInBackground(WatchedCertificates::Which which, Read read);
  void TakeChanged(Reading& reading);
  void TakeAll(Reading& reading, const Reloaded& done);
  void TellOfWaiting();
  // Gives workers the services that have changed, and the pools as they are in `pools`.
  absl::Status Tell(const WatchedCertificates::Changes& changes, const PoolTlsWatch& pools);
  void LogTaken(const WatchedCertificates::Changes& changes) const;

  EventLoop& loop_;
  WorkerFleet& workers_;
  std::function<void()> on_change_ = [] {};
  WatchedCertificates watched_;
  PoolTlsWatch pools_;
  CertificateReader reader_;  // the background's while there is a task
  bool reloading_ = false;
  EventLoop::Timer timer_;
  std::unique_ptr<BackgroundTask> task_;
};

}  // namespace koi
