// SPDX-License-Identifier: Apache-2.0
// Talks to koi-manager: HTTP over its Unix socket.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protocol/control_messages.h"
#include "protocol/deny_messages.h"
#include "protocol/explain_messages.h"

namespace koi {

// Whether a host can do its work, and why not, in one line; "ok" when it can.
struct Health {
  bool well = false;
  std::string why = {};
};

// Every method: Unavailable when nobody answers at the socket, PermissionDenied when this user may
// not ask, DeadlineExceeded when an answer takes too long, else what koi-manager says.
class ManagerClient {
 public:
  explicit ManagerClient(std::string socket) : socket_(std::move(socket)) {}

  absl::StatusOr<Stats> CollectStats() const;
  // The same as it arrived.
  absl::StatusOr<std::string> StatsJson() const;
  absl::StatusOr<Health> AskHealth() const;

  absl::StatusOr<DiffReport> CollectDiff() const;
  // Waits until it is done.
  absl::StatusOr<ReloadReport> Reload() const;

  absl::StatusOr<BackendChange> AddBackend(const BackendAdd& backend) const;
  absl::StatusOr<BackendChange> DrainBackend(const BackendName& backend) const;
  absl::StatusOr<BackendChange> UndrainBackend(const BackendName& backend) const;
  absl::StatusOr<BackendChange> WeightBackend(const BackendWeight& backend) const;
  absl::StatusOr<BackendChange> RemoveBackend(const BackendName& backend) const;
  absl::StatusOr<CertificateList> ListCertificates() const;
  absl::StatusOr<CertificateList> ReloadCertificates() const;
  absl::StatusOr<CpuStats> ReplaceWorker(const WorkerReplace& order) const;
  absl::StatusOr<DenyReport> AddDenied(const DenyOrder& order) const;
  absl::StatusOr<DenyReport> RemoveDenied(const DenyOrder& order) const;
  // An ExplainReport.
  absl::StatusOr<std::string> ExplainJson(const ExplainOrder& order) const;
  // A DenyListing.
  absl::StatusOr<std::string> DeniedJson() const;

 private:
  struct Answer {
    long status = 0;  // of HTTP
    std::string body = {};
  };
  // GET, or POST where there is a body; any answer is one.
  absl::StatusOr<Answer> Ask(const std::string& path, const std::string& body) const;
  // The same; an answer that refuses is an error.
  absl::StatusOr<std::string> Request(const std::string& path, const std::string& body = "") const;
  absl::StatusOr<BackendChange> Change(const std::string& path, const std::string& body) const;

  std::string socket_;
};

}  // namespace koi
