// SPDX-License-Identifier: Apache-2.0
// The certificates of running services: read anew when their files change and match, and on order.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "manager/worker_fleet.h"
#include "net/event_loop.h"
#include "protocol/control_messages.h"
#include "tls/certificates.h"

namespace koi {

// A file behind a path, symbolic links followed: what differs when another one is put there or it
// is written to.
struct FileIdentity {
  bool there = false;
  dev_t device = 0;
  ino_t inode = 0;
  off_t bytes = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;

  bool operator==(const FileIdentity&) const = default;
};

// Looks at the files every kLookInterval. A chain and a key that do not belong together are one
// half of a change: the other half is waited for, and what workers have stays. Only after kPatience
// somebody is told.
class CertificateWatch {
 public:
  // `workers` must outlive it; they have the services whose certificates are replaced.
  CertificateWatch(EventLoop& loop, WorkerFleet& workers) : loop_(loop), workers_(workers) {}

  // Called after workers were given other certificates by this watch.
  void OnChange(std::function<void()> callback) { on_change_ = std::move(callback); }

  // The services and files of `config` from now on: the workers have its services already. What is
  // known of those it follows already stays.
  void Follow(const Config& config);
  // Until the next Follow(): somebody else gives workers their services.
  void Pause() { timer_.Cancel(); }
  // Reads all files now. All or nothing: with any error the workers keep what they have. A
  // certificate that has expired is an error, unless it is in use already.
  CertificateList Reload();
  CertificateList List() const;

 private:
  struct Watched {
    std::string service = {};
    CertificateConfig files = {};
    FileIdentity chain = {};  // when they were last read
    FileIdentity key = {};
    CertificateFacts facts = {};  // of the certificate in use
    std::string loaded = {};      // when, UTC
    std::string waits = {};       // why the files are not in use
    TimePoint waits_since = {};
    bool told = false;
  };
  void Look();
  // Whether the files of `watched` are others than those last read.
  static bool Changed(const Watched& watched);
  // Reads the files of `watched`; puts what is new into `services`. True: something is.
  absl::StatusOr<bool> Read(Watched& watched, std::vector<WorkerService>& services);
  void TellIfWaiting(Watched& watched);

  EventLoop& loop_;
  WorkerFleet& workers_;
  std::function<void()> on_change_ = [] {};
  std::vector<Watched> watched_;
  EventLoop::Timer timer_;
};

}  // namespace koi
