// SPDX-License-Identifier: Apache-2.0
// The paths of protocol/control_messages.h, and what is done for each.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "manager/stats/http_server.h"
#include "protocol/control_messages.h"
#include "protocol/deny_messages.h"
#include "protocol/explain_messages.h"

namespace koi {

// What the manager can do for whoever asks. `by` is who does: "root", "uid 1000".
class ControlActions {
 public:
  virtual ~ControlActions() = default;

  virtual Stats CollectStats() = 0;
  // These three call `done` once, now or later. Aborted while one of them is under way.
  using DiffDone = std::function<void(absl::StatusOr<DiffReport>)>;
  virtual void CollectDiff(DiffDone done) = 0;
  using ReloadDone = std::function<void(absl::StatusOr<ReloadReport>)>;
  virtual void Reload(const std::string& by, ReloadDone done) = 0;
  // Reads all certificates anew and has workers take them, if every one can be used.
  using CertificatesDone = std::function<void(const CertificateList&)>;
  virtual void ReloadCertificates(CertificatesDone done) = 0;
  // NotFound for an unknown pool or backend, AlreadyExists for a name taken, FailedPrecondition for
  // what must be done otherwise, ResourceExhausted when the table of backends is full or the change
  // cannot be kept.
  virtual absl::StatusOr<BackendChange> AddBackend(const BackendAdd& backend,
                                                   const std::string& by) = 0;
  virtual absl::StatusOr<BackendChange> DrainBackend(const BackendName& backend,
                                                     const std::string& by) = 0;
  virtual absl::StatusOr<BackendChange> UndrainBackend(const BackendName& backend,
                                                       const std::string& by) = 0;
  virtual absl::StatusOr<BackendChange> WeightBackend(const BackendWeight& backend,
                                                      const std::string& by) = 0;
  virtual absl::StatusOr<BackendChange> RemoveBackend(const BackendName& backend,
                                                      const std::string& by) = 0;
  // Begins; what CollectStats() says of the CPU tells how it goes on. FailedPrecondition when its
  // worker cannot be replaced now.
  virtual absl::StatusOr<CpuStats> ReplaceWorker(const WorkerReplace& order) = 0;
  // Calls `done` once, now or later, with the JSON of a CertificateList: that of ten thousand takes
  // a while to write.
  using CertificatesListed = std::function<void(std::string json)>;
  virtual void ListCertificates(CertificatesListed done) = 0;
  // `order` is a DenyOrder as it came: it may be large, and is decoded where that does no harm.
  // Call `done` once, now or later. NotFound when it removes what is not denied, ResourceExhausted
  // when there is no room or the change cannot be kept.
  using DenyDone = std::function<void(const absl::StatusOr<DenyReport>&)>;
  virtual void AddDenied(std::string order, DenyDone done) = 0;
  virtual void RemoveDenied(std::string order, DenyDone done) = 0;
  // Calls `done` with a DenyListing as JSON.
  using DenyListDone = std::function<void(const absl::StatusOr<std::string>& json)>;
  virtual void ListDenied(DenyListDone done) = 0;
  // InvalidArgument where there is no such packet. Changes nothing.
  virtual absl::StatusOr<ExplainReport> Explain(const ExplainOrder& order) = 0;
};

// All paths: for the Unix socket. Changes are logged with who made them. `actions` must outlive the
// handler.
HttpHandler ControlHandler(ControlActions& actions);

// What only reads: for the stats port.
HttpHandler StatsHandler(ControlActions& actions);

// The path that answers without a password, for those who only watch whether koi lives.
constexpr char kHealthPath[] = "/health";

}  // namespace koi
