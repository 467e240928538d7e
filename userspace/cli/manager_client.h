// SPDX-License-Identifier: Apache-2.0
// Talks to koi-manager: HTTP over its Unix socket.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protocol/control_messages.h"

namespace koi {

// Every method: Unavailable when nobody answers at the socket, PermissionDenied when this user may
// not ask, DeadlineExceeded when an answer takes too long, else what koi-manager says.
class ManagerClient {
 public:
  explicit ManagerClient(std::string socket) : socket_(std::move(socket)) {}

  absl::StatusOr<Stats> CollectStats() const;
  // The same as it arrived.
  absl::StatusOr<std::string> StatsJson() const;

  absl::StatusOr<BackendChange> AddBackend(const BackendAdd& backend) const;
  absl::StatusOr<BackendChange> DrainBackend(const BackendName& backend) const;
  absl::StatusOr<BackendChange> UndrainBackend(const BackendName& backend) const;
  absl::StatusOr<BackendChange> RemoveBackend(const BackendName& backend) const;
  absl::StatusOr<CertificateList> ListCertificates() const;
  absl::StatusOr<CertificateList> ReloadCertificates() const;
  absl::StatusOr<CpuStats> ReplaceWorker(const WorkerReplace& order) const;

 private:
  // GET, or POST where there is a body.
  absl::StatusOr<std::string> Request(const std::string& path, const std::string& body = "") const;
  absl::StatusOr<BackendChange> Change(const std::string& path, const std::string& body) const;

  std::string socket_;
};

}  // namespace koi
